/** What credentials look like inside a text: the part to keep, then the part that is one. */
const patterns: readonly RegExp[] = [
  /((?:AccountKey|SharedAccessKey|SharedAccessSignature|password|pwd)\s*=\s*)[^;\s&"']+/gi,
  // Of a shared access signature, and of a function key in a URL.
  /((?:[?&]|\b)sig=)[^&;\s"']+/gi,
  /([?&](?:code|access_token)=)[^&\s"']+/gi,
  /(:\/\/[^\s:/@]*:)[^\s/@]+(?=@)/g,
  /(\bBearer\s+)[\w.~+/-]+=*/gi,
];

/** Each of the patterns has one of these in it: most texts have none, and are looked at once. */
const needed = /[=@]|bearer/i;

/** The text with every credential in it replaced by `***`. A net under the rule that none is logged. */
export function withoutSecrets(text: string): string {
  if (!needed.test(text)) return text;
  return patterns.reduce((clean, pattern) => clean.replace(pattern, '$1***'), text);
}
