// S3's refusals: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, thrown inside, written as XML outside.

const refusals = {
  AccessDenied: [403, 'Access Denied'],
  AuthorizationHeaderMalformed: [400, 'The authorization header is malformed'],
  BadDigest: [400, 'The Content-MD5 or checksum value that you specified did not match what we received.'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed size'],
  IncompleteBody: [
    400,
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  ],
  InvalidAccessKeyId: [403, 'The AWS Access Key Id you provided does not exist in our records.'],
  InvalidArgument: [400, 'Invalid Argument'],
  InvalidChunkSizeError: [403, 'Only the last chunk is allowed to have a size less than 8192 bytes'],
  InvalidDigest: [400, 'The Content-MD5 or checksum value that you specified is not valid.'],
  InvalidRequest: [400, 'Invalid Request'],
  InvalidToken: [400, 'The provided token is malformed or otherwise not valid.'],
  InvalidURI: [400, "Couldn't parse the specified URI."],
  KeyTooLongError: [400, 'Your key is too long'],
  MalformedTrailerError: [
    400,
    'The request contained trailing data that was not well-formed or did not conform',
  ],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  MissingContentLength: [411, 'You must provide the Content-Length HTTP header.'],
  NoSuchBucket: [404, 'The specified bucket does not exist'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NotImplemented: [
    501,
    'A header or query you provided implies functionality that this stand-in does not have',
  ],
  RequestTimeTooSkewed: [403, 'The difference between the request time and the current time is too large.'],
  SignatureDoesNotMatch: [
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ],
  XAmzContentSHA256Mismatch: [
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type S3RefusalCode = keyof typeof refusals;

export class S3Refusal extends Error {
  readonly code: S3RefusalCode;
  readonly status: number;
  /** Further elements of the error document, such as ServerTime. */
  readonly facts: Readonly<Record<string, string>>;

  constructor(
    code: S3RefusalCode,
    more: { readonly message?: string; readonly facts?: Readonly<Record<string, string>> } = {},
  ) {
    super(more.message ?? refusals[code][1]);
    this.name = 'S3Refusal';
    this.code = code;
    this.status = refusals[code][0];
    this.facts = more.facts ?? {};
  }
}

export function refusalXml(refusal: S3Refusal, resource: string, requestId: string): string {
  const facts = { ...refusal.facts, Resource: resource, RequestId: requestId };
  return xmlDocument('Error', [
    ['Code', refusal.code],
    ['Message', refusal.message],
    ...Object.entries(facts),
  ]);
}

export type XmlChild = readonly [name: string, content: string | readonly XmlChild[]];

export function xmlDocument(name: string, children: readonly XmlChild[], namespace = ''): string {
  const attribute = namespace === '' ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${attribute}>${children.map(element).join('')}</${name}>`;
}

function element([name, content]: XmlChild): string {
  const inside = typeof content === 'string' ? escapedText(content) : content.map(element).join('');
  return `<${name}>${inside}</${name}>`;
}

/** Markup, and the control characters that XML 1.0 has no spelling for. */
function escapedText(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text
    .replace(/[&<>"]/g, (letter) => names[letter] ?? '')
    .replace(/[^\t\n\x20-\uffff]/g, '\ufffd')
    .replace(/\r/g, '&#13;');
}
