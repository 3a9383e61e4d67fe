// `latchkey why` for people: what it is, how it stands and what to do, in aligned lines; times as they are and as far away.
import { span } from '../refresh/next-refresh.ts';
import type { Why } from '../refresh/why.ts';

/** As JSON brings it. */
export type Told<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Told<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Told<T[Key]> }
      : T;

type Lines = (readonly [string, string])[];

export function whyText(why: Told<Why>): string {
  const now = new Date(why.now);
  const lines: Lines = [
    ['credential', `${plain(why.credential.label)} (${plain(why.credential.type)})`],
    ['id', why.credential.id],
    ['of', `${plain(why.credential.unit.name)} in organization ${why.credential.tenantId}`],
  ];
  if (why.credential.provider !== null) lines.push(['provider', plain(why.credential.provider)]);
  if (why.credential.account !== null) lines.push(['account', plain(why.credential.account)]);
  lines.push(['state', `${why.situation}: ${why.text}`]);
  lines.push(...tokenLines(why, now));
  if (why.reportedError !== null) lines.push(['reported', plain(why.reportedError)]);
  lines.push(['last used', why.lastUsedAt === null ? 'never, as far as known' : when(why.lastUsedAt, now)]);
  const body = [aligned(lines), '', ...timeLine(why, now), '', `What to do: ${plain(why.cure)}`];
  return `${body.join('\n')}\n`;
}

function tokenLines({ token, refreshToken, next, failure }: Told<Why>, now: Date): Lines {
  const lines: Lines = [];
  if (token !== null) {
    if (token.issuedAt !== null) lines.push(['token issued', when(token.issuedAt, now)]);
    const said = token.isExpiryAssumed ? 'assumed: the provider does not say it' : 'as the provider said';
    lines.push([
      'expires',
      token.expiresAt === null ? 'never, as far as known' : `${when(token.expiresAt, now)}, ${said}`,
    ]);
    lines.push(['counters', `consent ${token.consentNo}, token ${token.tokenNo}`]);
  }
  if (refreshToken !== null) {
    const until =
      refreshToken.expiresAt === null ? 'no expiry known' : `expires ${when(refreshToken.expiresAt, now)}`;
    lines.push(['refresh token', `${until}, ${rotation(refreshToken.rotates)}`]);
  }
  if (next !== null) {
    lines.push([
      'next refresh',
      next.at === null ? `none: ${plain(next.because)}` : `${when(next.at, now)}: ${plain(next.because)}`,
    ]);
  }
  if (failure !== null) {
    lines.push(['last failure', `${failure.at === null ? '' : `${when(failure.at, now)}: `}${failure.code}`]);
    lines.push(['', plain(failure.text)]);
  }
  return lines;
}

function rotation(rotates: boolean | null): string {
  if (rotates === null) return 'replaced at a refresh if the provider sends a new one';
  return rotates ? 'replaced at each refresh' : 'not replaced at refreshes';
}

function timeLine({ timeLine: { entries, isCut } }: Told<Why>, now: Date): readonly string[] {
  if (entries.length === 0) return ['Nothing has happened yet.'];
  const marks = { info: ' ', warn: '!', error: 'x' } as const;
  return [
    isCut ? 'What happened, newest last (older lines are left out):' : 'What happened, newest last:',
    ...entries.map(
      (entry) =>
        `${marks[entry.severity]} ${stamp(entry.at)}  ${far(entry.at, now).padEnd(17)} ${plain(entry.text)}`,
    ),
  ];
}

function aligned(lines: Lines): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join('\n');
}

function when(at: string, now: Date): string {
  return `${stamp(at)} (${far(at, now)})`;
}

function stamp(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

function far(at: string, now: Date): string {
  const ms = new Date(at).getTime() - now.getTime();
  if (Math.abs(ms) < 500) return 'now';
  return ms > 0 ? `in ${span(ms)}` : `${span(ms)} ago`;
}

/** Names come from strangers: what steers a terminal is not repeated. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
