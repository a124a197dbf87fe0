import { randomBytes } from 'node:crypto';
import { serviceAddress } from './services.ts';

/** Connection string of a blob store that all tests share; keep to containers with names of your own. */
export function testStorage(): Promise<string> {
  return serviceAddress('azurite');
}

/** A container name that no other test uses: `hint`, then random letters. */
export function uniqueContainerName(hint = 'test'): string {
  return `${hint}-${randomBytes(6).toString('hex')}`;
}
