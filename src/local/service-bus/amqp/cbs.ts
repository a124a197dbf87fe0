import { createHmac, timingSafeEqual } from 'node:crypto';
import rhea from 'rhea';
import type { Reply, Request } from './requests.ts';

/** Answers put-token: checks the signature and the expiry of a shared access signature. */
export function answerPutToken(request: Request, key: string, now: () => number): Reply {
  const valid = isValidSignature(String(request.body ?? ''), key, now());
  return {
    applicationProperties: {
      'status-code': rhea.types.wrap_int(valid ? 202 : 401),
      'status-description': valid ? 'Accepted' : 'InvalidSignature: The token has an invalid signature.',
    },
  };
}

/** HMAC-SHA256 over `<url-encoded resource>\n<expiry>`, as Service Bus documents its SAS tokens. */
function isValidSignature(token: string, key: string, now: number): boolean {
  const fields = new Map<string, string>();
  for (const part of token.replace(/^SharedAccessSignature\s+/, '').split('&')) {
    const at = part.indexOf('=');
    fields.set(part.slice(0, at), part.slice(at + 1));
  }
  const expiry = fields.get('se') ?? '';
  const expected = createHmac('sha256', key)
    .update(`${fields.get('sr')}\n${expiry}`)
    .digest();
  const given = Buffer.from(decodeURIComponent(fields.get('sig') ?? ''), 'base64');
  return Number(expiry) * 1000 > now && given.length === expected.length && timingSafeEqual(given, expected);
}
