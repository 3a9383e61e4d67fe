// The skeleton of every page that the server renders: head, header, main, and the headers of the answer. No script
// runs on these pages, so the content security policy allows none.
import type { FastifyReply } from 'fastify';
import { type Html, html } from './html.ts';
import { stylesheetPath } from './stylesheet.ts';

export type Page = {
  readonly title: string;
  readonly body: Html;
  /** At the right of the header: who is signed in, a way out. */
  readonly aside?: Html | null;
  /** `narrow` for one form or one question (default), `wide` for lists. */
  readonly width?: 'narrow' | 'wide';
  /** Goes there by itself: the step out to another site, which a form's own redirect may not take under CSP. */
  readonly forward?: { readonly url: string; readonly afterSeconds: number } | null;
};

export type PageAnswer = {
  readonly status?: number;
  /** Origins besides our own that a form of this page may lead to. Browsers apply it to redirects too. */
  readonly formTargets?: readonly string[];
};

// A key in an outlined tile; as data, because the page may load nothing from elsewhere.
const icon =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E%3Crect width=%2232%22 height=%2232%22 rx=%228%22 fill=%22%23175e54%22/%3E%3Cg fill=%22none%22 stroke=%22%23fff%22 stroke-width=%222.6%22 stroke-linecap=%22round%22%3E%3Ccircle cx=%2211.5%22 cy=%2216%22 r=%224.2%22/%3E%3Cpath d=%22M15.7 16H25v4.2M20.6 16v3%22/%3E%3C/g%3E%3C/svg%3E';

const mark = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><circle cx="11" cy="16" r="5.2"/><path d="M16.2 16H28v5.2M22.4 16v3.8"/></svg>`;

/** The whole document. `sendPage` sends it with the headers that belong to it. */
export function page(options: Page): string {
  const { title, body, aside, width = 'narrow', forward } = options;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${forward != null && html`<meta http-equiv="refresh" content="${forward.afterSeconds};url=${forward.url}">`}
<title>${title} · Latchkey</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${stylesheetPath}">
</head>
<body class="${width}">
<a class="skip" href="#main">Skip to content</a>
<header class="top"><a class="brand" href="/account">${mark}<span>Latchkey</span></a>${aside && html`<div class="aside">${aside}</div>`}</header>
<main id="main" tabindex="-1">
${body}
</main>
</body>
</html>
`.toString();
}

/** `formTargets`: origins besides our own that a form of this page may lead to. */
export function pageHeaders(formTargets: readonly string[]): Readonly<Record<string, string>> {
  const targets = ["'self'", ...formTargets].join(' ');
  return {
    'content-security-policy': `default-src 'none'; style-src 'self'; img-src 'self' data:; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`,
    // Under no-referrer browsers send "Origin: null" with forms, and the origin is what protects the form.
    // strict-origin tells other sites and ourselves the origin only, never a path with a one-time token in it.
    'referrer-policy': 'strict-origin',
    'cross-origin-opener-policy': 'same-origin-allow-popups',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  };
}

export function sendPage(reply: FastifyReply, options: Page & PageAnswer): FastifyReply {
  return reply
    .code(options.status ?? 200)
    .headers(pageHeaders(options.formTargets ?? []))
    .type('text/html; charset=utf-8')
    .send(page(options));
}
