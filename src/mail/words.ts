// Text that may stand in a mail sent in our name. What a tenant typed (names, labels) is foreign: it appears only as
// quoted, single-line text that no mail program turns into a link. Phishing with our mail reputation ends here.
import { invalidField } from '../kernel/fault.ts';

declare const brand: unique symbol;
/** Text fit for a mail: fixed words of ours, with foreign text quoted. Made only in this file. */
export type Words = string & { readonly [brand]: 'Words' };

const maxNameLength = 120;
const maxQuoteLength = 1_000;
const maxQuoteLines = 20;

// Controls, bidirectional overrides, zero-width characters, lone surrogates, private use, line separators.
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
// Where every link detector looks: `.com`, `://`, `mailto:`, `@host`, `/path`; also the full stops that IDNA maps to a dot.
const linkJoint = /([.:@/\u3002\uff0e\uff61])(?=\S)/gu;
const zeroWidthSpace = '\u200b';

/** Tagged template: the literal parts are ours; every string put in is quoted as foreign text. */
export function words(ours: TemplateStringsArray, ...values: readonly (string | number | OurWords)[]): Words {
  let text = ours[0] ?? '';
  values.forEach((value, index) => {
    text +=
      value instanceof OurWords ? value.text : typeof value === 'number' ? String(value) : quoted(value);
    text += ours[index + 1] ?? '';
  });
  return text as Words;
}

/** Marks text made by our own code (a date, a host name from the settings) so that `words` does not quote it. */
export class OurWords {
  readonly text: string;

  constructor(text: string) {
    this.text = text.replace(unseen, ' ');
  }
}

/** A foreign name in quotation marks: one line, nothing unseen, nothing that links. */
function quoted(name: string): string {
  // The first cut bounds the work: only the start of a megabyte is looked at.
  const line = harmless(name.slice(0, 8 * maxNameLength).replace(/[^\S\ufeff]+/gu, ' ')).trim();
  const short = [...line];
  const cut = short.length > maxNameLength ? `${short.slice(0, maxNameLength).join('')}…` : line;
  return `“${cut.replace(/[“”„‟]/gu, '"')}”`;
}

function harmless(text: string): string {
  return text.replace(unseen, '').replace(linkJoint, `$1${zeroWidthSpace}`);
}

const scheme = /[a-z][a-z0-9+.-]{1,20}:\/\//iu;
const opaqueScheme = /\b(?:mailto|javascript|data|tel|sms|callto|file|vbscript):\S/iu;
const hostName = /[\p{L}\p{N}](?:[.][\p{L}\p{N}-]+)*[.](?:\p{L}{2,}|xn--[a-z0-9-]+)/u;
const hostNameByIdeographicStop = /[\p{L}\p{N}][\u3002\uff61][a-z]{2,}/iu;
const address = /\d{1,3}(?:[.]\d{1,3}){3}|\[[0-9a-f:]{2,}\]/iu;

/** The lines of a personal note: plain text, refused when it has anything that reads as an address of a page. */
export function plainNote(note: string, field: string): readonly Words[] {
  if ([...note].length > maxQuoteLength) {
    throw invalidField(field, `longer than ${maxQuoteLength} characters.`, 'Shorten it.');
  }
  // NFKC folds full-width letters, dots and colons that browsers accept in a host name. Line ends stay apart.
  const seen = note.replace(/(?![\t\r\n])[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/gu, '').normalize('NFKC');
  for (const pattern of [scheme, opaqueScheme, hostName, hostNameByIdeographicStop, address]) {
    if (pattern.test(seen)) {
      throw invalidField(
        field,
        'links and host names are not allowed here.',
        'Write plain words; the mail carries the one right link itself. Put a space after each full stop.',
      );
    }
  }
  const lines = note
    .split(/\r\n|[\r\n\u2028\u2029]/u)
    .map((line) => harmless(line.replace(/\t/gu, ' ')).trimEnd());
  if (lines.length > maxQuoteLines) {
    throw invalidField(field, `more than ${maxQuoteLines} lines.`, 'Shorten it.');
  }
  return lines as unknown as readonly Words[];
}
