import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../src/cli/setup/paths.ts';

export interface SetupRun {
  readonly code: number;
  readonly output: string;
}

/**
 * A copy of the set-up's own sources among packages and programs that only write down how they were called: nothing of
 * the machine is changed, and only the programs that a test makes are found.
 */
export class SetupSandbox {
  readonly root: string;
  readonly bin: string;
  readonly #calls: string;

  private constructor(root: string) {
    this.root = root;
    this.bin = join(root, 'bin');
    this.#calls = join(root, 'calls');
  }

  static async make(): Promise<SetupSandbox> {
    const sandbox = new SetupSandbox(await mkdtemp(join(tmpdir(), 'coremachine-setup-')));
    const { root, bin } = sandbox;
    await cp(join(projectRoot, 'src/cli/setup'), join(root, 'src/cli/setup'), { recursive: true });
    await mkdir(bin);
    await symlink('/usr/bin/env', join(bin, 'env'));
    await sandbox.write('package.json', '{"type": "module"}');
    for (const lock of ['package-lock.json', 'node_modules/.package-lock.json'])
      await sandbox.write(lock, '{"packages": {}}');
    // Set-up leaves pgSTAC alone for an hour after it was not to be had.
    await sandbox.write('.cache/pgstac/unavailable', 'a test');
    await sandbox.write('calls', '');
    return sandbox;
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), text);
  }

  /** A program on the PATH: it writes down its name and arguments, then does what the shell script says. */
  async program(name: string, script = ''): Promise<void> {
    const found = 'PATH="$PATH:/usr/bin:/bin"';
    await this.write(`bin/${name}`, `#!/bin/sh\necho "${name} $*" >>'${this.#calls}'\n${found}\n${script}\n`);
    await chmod(join(this.bin, name), 0o755);
  }

  /** Shell that makes programs appear on the PATH, as an installation does. */
  installing(...programs: string[]): string {
    return programs
      .map((name) => `printf '#!/bin/sh\\n' >'${this.bin}/${name}'; chmod +x '${this.bin}/${name}'`)
      .join('; ');
  }

  /** Runs a program of the given text, with `setup` in front of the names of set-up's modules. */
  run(
    text: string,
    { env = {}, user = 'root', platform = 'linux' }: { env?: NodeJS.ProcessEnv; user?: string; platform?: string } = {},
  ): Promise<SetupRun> {
    const folder = pathToFileURL(join(this.root, 'src/cli/setup/')).href;
    const person = `process.getuid = () => ${user === 'root' ? 0 : 1000};`;
    const machine = `Object.defineProperty(process, 'platform', { value: '${platform}' });`;
    const program = `${person} ${machine} ${text.replaceAll("'setup/", `'${folder}`)}`;
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
    const place = { HOME: this.root, XDG_CACHE_HOME: join(this.root, 'kept'), PATH: this.bin };
    return new Promise((resolve) => {
      execFile(process.execPath, args, { cwd: this.root, env: { ...place, ...env } }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, output: `${stdout}${stderr}` });
      });
    });
  }

  /** How the programs were called since the last question. */
  async calls(): Promise<string[]> {
    const text = await readFile(this.#calls, 'utf8');
    await writeFile(this.#calls, '');
    return text.split('\n').filter((line) => line !== '');
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Answers every request with one status: the place where prebuilt addons lie, or do not. */
export async function answering(status: number): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((_request, response) => response.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/addon.tar.gz`, close: () => server.close() };
}
