// The choices that RFC 6749 and RFC 7636 leave between client and provider.

/** How the client proves itself; exactly one style is sent (RFC 6749 2.3). `basic_raw` skips the form-encoding. */
export type ClientAuth = 'basic' | 'basic_raw' | 'post' | 'none';
export type Pkce = 'S256' | 'plain' | 'off';
export type BodyFormat = 'form' | 'json' | 'query';
export type Params = Readonly<Record<string, string>>;
