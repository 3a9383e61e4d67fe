// Keeps the frames that parent and host child exchange. The child is hostile by assumption, so the format is
// one that cannot make the reader allocate more than the bytes it was sent: JSON for the shape, raw bytes
// beside it. (Binary formats announce lengths: five bytes can ask for an array of millions.)
//
//   frame = u32 body length | u32 JSON length | JSON | attachments, one after the other
//
// What JSON cannot say stands in an object whose only key is NUL: bytes, long text, dates, undefined, bigints,
// numbers that are not finite, and objects that own that key themselves.

const tagKey = '\0';
const headerBytes = 8;
const maxDepth = 200;
/** Longer strings travel as attachments, outside the JSON limit. */
const longTextLength = 64 * 1024;

export type WireLimits = {
  /** All of a frame behind its header. */
  readonly maxFrameBytes: number;
  /** Its JSON part; parsed objects take about ten times their text in memory. */
  readonly maxJsonBytes: number;
  /** Values in the JSON part. Reading them keeps everybody else waiting: names that are all different, a second for a million. */
  readonly maxValues: number;
};

export const defaultWireLimits: WireLimits = {
  maxFrameBytes: 32 * 1024 * 1024,
  maxJsonBytes: 8 * 1024 * 1024,
  maxValues: 300_000,
};

/** A value or frame that the wire does not carry; `message` is fit for whoever wrote the value. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

type Writing = { readonly attachments: Buffer[]; readonly ancestors: Set<object>; attachedBytes: number };

export function encodeFrame(value: unknown, limits: WireLimits = defaultWireLimits): Buffer {
  const writing: Writing = { attachments: [], ancestors: new Set(), attachedBytes: 0 };
  const json = Buffer.from(JSON.stringify(toTree(value, writing)), 'utf8');
  const bodyBytes = json.length + writing.attachedBytes;
  if (json.length > limits.maxJsonBytes || bodyBytes > limits.maxFrameBytes) {
    throw new WireError(`The value takes ${bodyBytes} bytes; at most ${limits.maxFrameBytes} are carried.`);
  }
  if (!hasAtMostValues(json, limits.maxValues)) {
    throw new WireError(`The value holds more than ${limits.maxValues} values.`);
  }
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(bodyBytes, 0);
  header.writeUInt32BE(json.length, 4);
  return Buffer.concat([header, json, ...writing.attachments]);
}

function toTree(value: unknown, writing: Writing): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > longTextLength ? attach('s', Buffer.from(value, 'utf8'), writing) : value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : tag('n', numberText(value));
    case 'bigint':
      return tag('i', value.toString());
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : objectTree(value, writing);
    // Functions and symbols have no meaning in another process; JSON drops them as well.
    default:
      return tag('u');
  }
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function objectTree(value: object, writing: Writing): unknown {
  if (ArrayBuffer.isView(value)) {
    return attach('b', Buffer.from(value.buffer, value.byteOffset, value.byteLength), writing);
  }
  if (value instanceof ArrayBuffer) return attach('b', Buffer.from(value), writing);
  if (value instanceof Date) return tag('d', value.getTime());
  if (value instanceof Error) return toTree({ ...value, name: value.name, message: value.message }, writing);
  if (writing.ancestors.has(value)) throw new WireError('The value refers to itself.');
  if (writing.ancestors.size >= maxDepth) throw new WireError(`The value is nested over ${maxDepth} deep.`);
  writing.ancestors.add(value);
  const tree = containerTree(value, writing);
  writing.ancestors.delete(value);
  return tree;
}

function containerTree(value: object, writing: Writing): unknown {
  if (Array.isArray(value)) return Array.from(value, (item) => toTree(item, writing));
  if ('toJSON' in value && typeof value.toJSON === 'function') return toTree(value.toJSON(), writing);
  const entries = Object.entries(value)
    .filter(([, item]) => typeof item !== 'function' && typeof item !== 'symbol')
    .map(([key, item]): [string, unknown] => [key, toTree(item, writing)]);
  if (Object.hasOwn(value, tagKey)) return tag('o', entries);
  return Object.fromEntries(entries);
}

function tag(kind: string, ...content: readonly unknown[]): object {
  return { [tagKey]: [kind, ...content] };
}

function attach(kind: string, bytes: Buffer, writing: Writing): object {
  writing.attachments.push(bytes);
  const offset = writing.attachedBytes;
  writing.attachedBytes += bytes.length;
  return tag(kind, offset, bytes.length);
}

/** Each byte is handed out once: what many tags refer to would be copied as many times. */
type Reading = { readonly attachments: Buffer; bytesLeft: number };

function decodeBody(body: Buffer, jsonLength: number): unknown {
  let tree: unknown;
  try {
    tree = JSON.parse(body.toString('utf8', 0, jsonLength));
  } catch (error) {
    throw new WireError('The frame holds no JSON.', { cause: error });
  }
  const attachments = body.subarray(jsonLength);
  return fromTree(tree, { attachments, bytesLeft: attachments.length }, 0);
}

function fromTree(tree: unknown, reading: Reading, depth: number): unknown {
  if (typeof tree !== 'object' || tree === null) return tree;
  // Tags add a level of their own, hence the room above what the writer accepts.
  if (depth > 3 * maxDepth) throw new WireError('The frame is nested too deep.');
  // Almost all of a frame is plain, and stays as it was parsed.
  if (Array.isArray(tree)) {
    for (let at = 0; at < tree.length; at += 1) {
      const value = fromTree(tree[at], reading, depth + 1);
      if (value !== tree[at]) tree[at] = value;
    }
    return tree;
  }
  if (Object.hasOwn(tree, tagKey)) return fromTag(Reflect.get(tree, tagKey), reading, depth);
  for (const key of Object.keys(tree)) {
    const item: unknown = Reflect.get(tree, key);
    if (typeof item !== 'object' || item === null) continue;
    const value = fromTree(item, reading, depth + 1);
    if (value !== item) setOwn(tree, key, value);
  }
  return tree;
}

function fromTag(content: unknown, reading: Reading, depth: number): unknown {
  const [kind, first, second] = Array.isArray(content) ? content : [];
  if (kind === 'u') return undefined;
  if (kind === 'b') return Buffer.from(slice(reading, first, second));
  if (kind === 's') return slice(reading, first, second).toString('utf8');
  // JSON writes the time of an invalid date as null.
  if (kind === 'd' && (typeof first === 'number' || first === null)) return new Date(first ?? Number.NaN);
  if (kind === 'n' && typeof first === 'string') return Number(first);
  if (kind === 'i' && typeof first === 'string' && /^-?\d{1,4096}$/.test(first)) return BigInt(first);
  if (kind === 'o' && Array.isArray(first)) return fromEntries(first, reading, depth);
  throw new WireError('The frame holds an unknown tag.');
}

function fromEntries(entries: readonly unknown[], reading: Reading, depth: number): object {
  const object = {};
  for (const entry of entries) {
    const [key, item] = Array.isArray(entry) ? entry : [];
    if (typeof key !== 'string') throw new WireError('The frame holds a key that is no text.');
    setOwn(object, key, fromTree(item, reading, depth + 1));
  }
  return object;
}

/** Plain assignment to `__proto__` would change the prototype instead. */
function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function slice(reading: Reading, offset: unknown, length: unknown): Buffer {
  const { attachments } = reading;
  if (!isCount(offset) || !isCount(length) || offset + length > attachments.length) {
    throw new WireError('The frame refers to bytes that it does not hold.');
  }
  reading.bytesLeft -= length;
  if (reading.bytesLeft < 0) throw new WireError('The frame refers to the same bytes more than once.');
  return attachments.subarray(offset, offset + length);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

const quote = 0x22;
const backslash = 0x5c;

/** Counts without parsing, a nanosecond a byte or so. */
function hasAtMostValues(json: Buffer, max: number): boolean {
  if (json.length <= max) return true;
  let count = 0;
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === quote) isText = !isText;
    else if (isText && byte === backslash) at += 1;
    // Comma, [ and {: each value but the first has one of them before it.
    else if (!isText && (byte === 0x2c || byte === 0x5b || byte === 0x7b)) count += 1;
    if (count > max) return false;
  }
  return true;
}

/** Cuts a byte stream into frames. Throws `WireError` from the returned function: the peer is then unusable. */
export function createFrameReader(
  onFrame: (value: unknown, frameBytes: number) => void,
  limits: WireLimits = defaultWireLimits,
): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let wantedBytes = headerBytes;
  return (chunk) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    while (pendingBytes >= wantedBytes) {
      const bytes = pending.length === 1 && pending[0] !== undefined ? pending[0] : Buffer.concat(pending);
      pending = [bytes];
      const bodyBytes = bytes.readUInt32BE(0);
      const jsonBytes = bytes.readUInt32BE(4);
      if (bodyBytes > limits.maxFrameBytes || jsonBytes > limits.maxJsonBytes || jsonBytes > bodyBytes) {
        throw new WireError('The frame is over the size limit.');
      }
      wantedBytes = headerBytes + bodyBytes;
      if (bytes.length < wantedBytes) return;
      const rest = bytes.subarray(wantedBytes);
      const body = bytes.subarray(headerBytes, wantedBytes);
      if (!hasAtMostValues(body.subarray(0, jsonBytes), limits.maxValues)) {
        throw new WireError('The frame holds too many values.');
      }
      pending = rest.length === 0 ? [] : [rest];
      pendingBytes = rest.length;
      wantedBytes = headerBytes;
      onFrame(decodeBody(body, jsonBytes), headerBytes + bodyBytes);
    }
  };
}
