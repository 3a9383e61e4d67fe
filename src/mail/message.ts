// One mail as text and as HTML made of the same words. There is no way to pass markup, a header or a foreign link in.
import { Fault } from '../kernel/fault.ts';
import type { EmailAddress } from './email-address.ts';
import type { Words } from './words.ts';

declare const brand: unique symbol;
/** Made by `composeMessage` only, so that a Mailer cannot be handed unescaped text. */
export type Message = {
  readonly [brand]: 'Message';
  readonly to: EmailAddress;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};

export type Block =
  | { readonly kind: 'paragraph'; readonly words: Words }
  | { readonly kind: 'quote'; readonly lines: readonly Words[] }
  | { readonly kind: 'link'; readonly label: Words; readonly url: URL };

export type MessageParts = {
  readonly to: EmailAddress;
  readonly subject: Words;
  readonly blocks: readonly Block[];
  /** The installation's own base URL; a link to anywhere else is a bug of the caller. */
  readonly publicUrl: URL;
};

export function composeMessage(parts: MessageParts): Message {
  for (const block of parts.blocks) {
    if (block.kind === 'link' && !isOurs(block.url, parts.publicUrl)) {
      throw new Fault('internal', 'A mail may only link to this installation.');
    }
  }
  const message: Omit<Message, typeof brand> = {
    to: parts.to,
    subject: parts.subject.replace(/[\r\n]+/gu, ' '),
    text: `${parts.blocks.map(textOf).join('\n\n')}\n`,
    html: [
      '<!doctype html><html><head><meta charset="utf-8"></head><body>',
      ...parts.blocks.map(htmlOf),
      '</body></html>\n',
    ].join('\n'),
  };
  return message as Message;
}

function isOurs(url: URL, publicUrl: URL): boolean {
  const base = publicUrl.pathname.endsWith('/') ? publicUrl.pathname : `${publicUrl.pathname}/`;
  return (
    url.origin === publicUrl.origin &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.username === '' &&
    url.password === '' &&
    (url.pathname === publicUrl.pathname || url.pathname.startsWith(base))
  );
}

function textOf(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return block.words;
    case 'quote':
      return block.lines.map((line) => `> ${line}`.trimEnd()).join('\n');
    case 'link':
      return `${block.label}\n${block.url.href}`;
  }
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${escapeHtml(block.words)}</p>`;
    case 'quote':
      return `<blockquote>${block.lines.map(escapeHtml).join('<br>\n')}</blockquote>`;
    case 'link': {
      const href = escapeHtml(block.url.href);
      return `<p><a href="${href}">${escapeHtml(block.label)}</a><br>\n${href}</p>`;
    }
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
