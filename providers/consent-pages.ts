// The two pages that a person (or a cookie jar) walks through, the same in both modes: plain forms, no script.
import { type Answer, htmlAnswer } from './answer.ts';

export function loginPage(options: {
  readonly action: string;
  readonly clientId: string;
  readonly hint: string;
}): Answer {
  return page(
    'Sign in',
    `<p>to continue to <strong>${escaped(options.clientId)}</strong></p>
<form method="post" action="${escaped(options.action)}">
<label>Account <input name="login" value="${escaped(options.hint)}" required autofocus autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button type="submit">Sign in</button>
</form>
<p><small>Any account name is accepted; the password is ignored.</small></p>`,
  );
}

export function consentPage(options: {
  readonly action: string;
  readonly clientId: string;
  readonly account: string;
  readonly scopes: readonly string[];
}): Answer {
  const scopes = options.scopes.map((scope) => `<li>${escaped(scope)}</li>`).join('');
  return page(
    'Allow access?',
    `<p><strong>${escaped(options.clientId)}</strong> asks for access to the account <strong>${escaped(options.account)}</strong>.</p>
<ul>${scopes}</ul>
<form method="post" action="${escaped(options.action)}">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>`,
  );
}

export function errorPage(status: number, error: string, description: string): Answer {
  return page(
    'Cannot continue',
    `<p>${escaped(description)}</p><p><code>${escaped(error)}</code></p>`,
    status,
  );
}

function page(title: string, body: string, status = 200): Answer {
  const style =
    'body{font:16px system-ui;max-width:26rem;margin:10vh auto;padding:0 1rem}label{display:block;margin:1rem 0}input{width:100%;font:inherit}button{font:inherit;padding:.4rem 1rem}';
  return htmlAnswer(
    status,
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title} - emulated provider</title><style>${style}</style></head><body><h1>${title}</h1>${body}</body></html>`,
    {
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'referrer-policy': 'no-referrer',
    },
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
