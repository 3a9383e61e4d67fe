// Judged by the bytes that a real SMTP server received on loopback.
import { afterEach, expect, test } from 'vitest';
import { isFault } from '../kernel/fault.ts';
import { invitationMessage } from './invitation-message.ts';
import { base, closeAll, delivered } from './smtp-server.fixture.ts';

afterEach(closeAll);

test('an invitation arrives whole: sender, recipient, who asks for what, one link, when it ends', async () => {
  const mail = await delivered({ note: 'Hi Jo,\nthis is what we talked about.' });
  expect(mail.envelope?.from).toBe('no-reply@acme.example');
  expect(mail.envelope?.to).toEqual(['jo@hooli.example']);
  expect(mail.headers).toContain('From: Acme Connections <no-reply@acme.example>');
  expect(mail.headers).toContain('Subject: “Acme” asks you to connect “Dropbox”');
  expect(mail.headers).toContain('Auto-Submitted: auto-generated');
  for (const words of [
    '“Pat” at “Acme”',
    '“Hooli”',
    '“Hooli Dropbox”',
    '> Hi Jo,\n> this is what',
    '2026-11-23 19:00 UTC',
  ]) {
    expect(mail.text).toContain(words);
  }
  expect(mail.text.match(/https?:\/\/\S+/g)).toEqual(['https://connect.acme.example/invitation/abc-DEF_123']);
  expect(mail.html.match(/href="([^"]*)"/g)).toEqual([
    'href="https://connect.acme.example/invitation/abc-DEF_123"',
  ]);
});

test('a name with markup is shown as text and no tag comes out of it', async () => {
  const label = '<a href=evil>click</a><img src=x onerror="x()">';
  const mail = await delivered({
    credentialLabel: label,
    organizationName: '<b>Acme</b>',
    requesterName: '"><script>',
    customerName: '<!-- ',
    serviceName: '&lt;i&gt;',
    note: '<a href=evil>please</a> & "thanks"',
  });
  expect(mail.text).toContain('<a href=evil>click');
  expect(mail.html).toContain('&lt;a href=evil&gt;click');
  expect(mail.html).toContain('&amp;lt;i&amp;gt;');
  const tags = new Set([...mail.html.matchAll(/<\/?([a-z!-]+)/gi)].map((match) => match[1]));
  expect([...tags].sort()).toEqual([
    '!doctype',
    'a',
    'blockquote',
    'body',
    'br',
    'head',
    'html',
    'meta',
    'p',
  ]);
});

test.each([
  'evil.example',
  'https://evil.example/login',
  'www.evil.example',
  'mailto:thief@evil.example',
  'Pat <thief@evil.example>',
  'evil。com',
  'javascript:alert(1)',
  '203.0.113.7/x',
])('a name cannot become a link: %s', async (name) => {
  const mail = await delivered({ credentialLabel: name, requesterName: name, organizationName: name });
  const ours = 'https://connect.acme.example/invitation/abc-DEF_123';
  const foreign = `${mail.text}\n${mail.headers.split('\r\n').find((line) => line.startsWith('Subject:'))}`
    .replaceAll(ours, '')
    .replaceAll('connect.acme.example', '');
  expect(foreign).not.toMatch(
    /[a-z0-9][.。][a-z]{2,}|:\/\/[!-~]|mailto:[!-~]|@[a-z]|javascript:[!-~]|\d[.]\d/i,
  );
});

test('no name or address can add a header, a recipient or a body', async () => {
  const attack = 'x\r\nBcc: thief@evil.example\r\n\r\n<h1>hi</h1>\u2028Cc: y\u0000\u0085z';
  const mail = await delivered({
    credentialLabel: attack,
    organizationName: attack,
    requesterName: attack,
    customerName: attack,
    serviceName: attack,
  });
  expect(mail.envelope?.to).toEqual(['jo@hooli.example']);
  const names = mail.raw
    .split('\r\n\r\n')[0]
    ?.split('\r\n')
    .filter((line) => !/^[ \t]/.test(line))
    .map((line) => line.split(':')[0]?.toLowerCase());
  expect(names?.filter((name) => name === 'bcc' || name === 'cc')).toEqual([]);
  expect(names?.filter((name) => name === 'subject')).toHaveLength(1);
  expect(mail.html).not.toContain('<h1>');
  expect(mail.raw).not.toContain('\0');
});

test.each([
  'jo@hooli.example\r\nBcc: x@evil.example',
  'jo@hooli.example, x@evil.example',
  'jo@hooli.example;x@evil.example',
  'Jo <jo@hooli.example>',
  '<jo@hooli.example>',
  '"jo x"@hooli.example',
  'jo@hooli.example ',
  'jo@@hooli.example',
  'jo@hooli',
  'jo@[127.0.0.1]',
  'jo@127.0.0.1',
  'jo@hooli..example',
  'jo@-hooli.example',
  'jo.@hooli.example',
  'jö@hooli.example',
  '@hooli.example',
  'jo@',
  '',
  `${'a'.repeat(65)}@hooli.example`,
  `jo@${'a.'.repeat(130)}example`,
  'jo@hoo\tli.example',
  'jo@hooli.example%0aBcc:x',
])('the recipient %j is refused and the fault names the field and the cure', (to) => {
  const refused = failureOf(() => invitationMessage({ ...base, to }));
  expect(isFault(refused, 'invalid_field') && refused.field).toBe('email');
  expect(isFault(refused) && refused.cure).toContain('name@example.com');
});

test('letters outside ASCII arrive in names, subject and note, and an internationalized domain is encoded', async () => {
  const mail = await delivered({
    to: 'jo@bücher.example',
    organizationName: 'Škoda 株式会社',
    requesterName: 'Zoë 🦊',
    credentialLabel: 'Größe «Δ»',
    note: 'Grüße aus Köln! 你好。请连接',
  });
  expect(mail.raw).toContain('\r\nTo: jo@xn--bcher-kva.example\r\n');
  expect(mail.headers).toContain('Škoda 株式会社');
  for (const body of [mail.text, mail.html]) {
    for (const name of ['Škoda 株式会社', 'Zoë 🦊', 'Größe «Δ»', 'Grüße aus Köln!']) {
      expect(body).toContain(name);
    }
  }
});

test('whatever is written, the wire carries 7-bit lines of at most 76 bytes ended by CRLF', async () => {
  const mail = await delivered({
    organizationName: 'Ö'.repeat(5_000),
    credentialLabel: 'ab '.repeat(400),
    note: `${'ü'.repeat(980)}\n.\n..\nFrom x`,
  });
  expect(mail.raw).not.toMatch(/[^\r\n\t\x20-\x7e]/);
  expect(mail.raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  expect(Math.max(...mail.raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(76);
  expect(mail.text).toContain('ü'.repeat(980));
  expect(mail.text).toContain('> .\n> .\u200b.\n> From x');
  expect(mail.text).toContain(`${'Ö'.repeat(120)}…`);
});

test('direction overrides and unseen characters do not reach the reader', async () => {
  const mail = await delivered({ credentialLabel: 'drop\u202exobp\u2066\u200b\u00ad\ufeff.ex\ue000e' });
  expect(mail.text).toContain('“dropxobp.\u200bexe”');
});

test.each([
  'see https://evil.example',
  'see evil.example',
  'see EVIL.EXAMPLE/path',
  'see http:\u200b//evil',
  'see ｅｖｉｌ．ｃｏｍ now',
  'see evil\u2024com',
  'see evil。com now',
  'see evil\u00ad.com',
  'write to a@b.example',
  'javascript:alert(1)',
  'mailto:x',
  'call tel:0123',
  'go to 203.0.113.7',
  'http://[::1]/',
  'x'.repeat(1_001),
  'y\n'.repeat(30),
])('the note %j is refused and the fault names the field', (note) => {
  const refused = failureOf(() => invitationMessage({ ...base, note: `Hi. ${note} end` }));
  expect(isFault(refused, 'invalid_field') && refused.field).toBe('message');
  expect(isFault(refused) && refused.cure).toBeTruthy();
});

test.each(['Hello. Please connect, e.g. today at 12:30.\nThanks... P.S. 1.5 MB', 'Was? Ja! (a/b) 5:1', ''])(
  'ordinary words are not taken for a link: %j',
  (note) => {
    expect(() => invitationMessage({ ...base, note })).not.toThrow();
  },
);

test('a link to anywhere but this installation is refused', () => {
  for (const link of [
    'https://evil.example/x',
    'http://connect.acme.example/x',
    'https://a@connect.acme.example/',
  ]) {
    expect(() => invitationMessage({ ...base, link: new URL(link) })).toThrow(
      'only link to this installation',
    );
  }
  const under = {
    publicUrl: new URL('https://acme.example/latchkey'),
    link: new URL('https://acme.example/latchkey/i/1'),
  };
  expect(() => invitationMessage({ ...base, ...under })).not.toThrow();
  expect(() =>
    invitationMessage({ ...base, ...under, link: new URL('https://acme.example/latchkey2/i') }),
  ).toThrow();
});

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}
