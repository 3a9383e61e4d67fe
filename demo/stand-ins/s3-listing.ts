// ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
import type { StoredObject } from './s3-object.ts';
import { S3Refusal, type XmlChild, xmlDocument } from './s3-refusal.ts';
import { awsEncode } from './s3-signature.ts';

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
const maxPage = 1000;

/** A key, or a group of keys that the delimiter folds into one. */
type Line = { readonly name: string; readonly object: StoredObject | null };

export function listObjects(
  bucket: string,
  objects: ReadonlyMap<string, StoredObject>,
  query: ReadonlyMap<string, string>,
): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const limit = limitOf(query.get('max-keys'));
  const token = query.get('continuation-token');
  const after = token === undefined ? (query.get('start-after') ?? '') : placeOf(token);
  const encode = encoderOf(query.get('encoding-type'));
  const lines = linesOf(objects, prefix, delimiter).filter(({ name }) => compareUtf8(name, after) > 0);
  const page = lines.slice(0, limit);
  const isTruncated = limit > 0 && lines.length > page.length;
  const last = page.at(-1);
  const fields: XmlChild[] = [
    ['Name', bucket],
    ['Prefix', encode(prefix)],
    ...given('Delimiter', delimiter, encode),
    ...given('StartAfter', query.get('start-after') ?? '', encode),
    ...given('EncodingType', query.get('encoding-type') ?? ''),
    ...given('ContinuationToken', token ?? ''),
    ['MaxKeys', String(limit)],
    ['KeyCount', String(page.length)],
    ['IsTruncated', String(isTruncated)],
  ];
  if (isTruncated && last !== undefined) {
    fields.push(['NextContinuationToken', Buffer.from(last.name, 'utf8').toString('base64url')]);
  }
  for (const { name, object } of page) {
    fields.push(
      object === null ? ['CommonPrefixes', [['Prefix', encode(name)]]] : contents(encode(name), object),
    );
  }
  return xmlDocument('ListBucketResult', fields, namespace);
}

function linesOf(
  objects: ReadonlyMap<string, StoredObject>,
  prefix: string,
  delimiter: string,
): readonly Line[] {
  const lines = new Map<string, StoredObject | null>();
  for (const [key, object] of objects) {
    if (!key.startsWith(prefix)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0) lines.set(key, object);
    else lines.set(key.slice(0, cut + delimiter.length), null);
  }
  return [...lines].map(([name, object]) => ({ name, object })).sort((a, b) => compareUtf8(a.name, b.name));
}

function contents(name: string, object: StoredObject): XmlChild {
  const checksums = object.checksums.map(
    ({ algorithm }): XmlChild => ['ChecksumAlgorithm', algorithm.toUpperCase()],
  );
  return [
    'Contents',
    [
      ['Key', name],
      ['LastModified', object.modified.toISOString()],
      ['ETag', object.etag],
      ...checksums,
      ['Size', String(object.bytes.length)],
      ['StorageClass', 'STANDARD'],
    ],
  ];
}

function given(name: string, value: string, encode = (text: string) => text): XmlChild[] {
  return value === '' ? [] : [[name, encode(value)]];
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return maxPage;
  if (!/^\d{1,9}$/.test(text))
    throw badArgument('max-keys', 'Provided max-keys not an integer or within range');
  return Math.min(Number(text), maxPage);
}

function placeOf(token: string): string {
  const place = Buffer.from(token, 'base64url').toString('utf8');
  if (token === '' || Buffer.from(place, 'utf8').toString('base64url') !== token) {
    throw badArgument('continuation-token', 'The continuation token provided is incorrect');
  }
  return place;
}

function encoderOf(type: string | undefined): (text: string) => string {
  if (type === undefined) return (text) => text;
  if (type !== 'url') throw badArgument('encoding-type', 'Invalid Encoding Method specified in Request');
  return (text) => awsEncode(text).replaceAll('%2F', '/');
}

/** S3 lists in the order of the keys' UTF-8 bytes, which is not JavaScript's for rare characters. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

function badArgument(name: string, message: string): S3Refusal {
  return new S3Refusal('InvalidArgument', { message, facts: { ArgumentName: name } });
}
