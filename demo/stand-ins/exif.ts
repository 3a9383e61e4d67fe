// Writes an EXIF 2.3 APP1 segment (JEITA CP-3451): where and when a photograph was taken, as a camera writes it.
import { segment } from './jpeg.ts';

export type ExifFacts = {
  readonly latitude: number;
  readonly longitude: number;
  readonly altitudeMetres: number;
  /** Local wall time as the camera knew it; EXIF has no instant, only this text and an offset. */
  readonly takenAt: { readonly local: string; readonly offset: string };
  readonly camera: { readonly make: string; readonly model: string };
};

/** A field of an image file directory: its TIFF type, how many values, their bytes. */
type Field = { readonly tag: number; readonly type: number; readonly count: number; readonly bytes: Buffer };

// A directory's offsets count from the TIFF header, which stands behind the six letters "Exif\0\0".
const tiffHeaderBytes = 8;

export function exifSegment(facts: ExifFacts): Buffer {
  const exif = [
    undefinedBytes(0x9000, '0230'),
    ascii(0x9003, facts.takenAt.local),
    ascii(0x9004, facts.takenAt.local),
    ascii(0x9011, facts.takenAt.offset),
  ];
  const gps = [
    bytes(0x0000, [2, 3, 0, 0]),
    ascii(0x0001, facts.latitude < 0 ? 'S' : 'N'),
    rationals(0x0002, degrees(facts.latitude)),
    ascii(0x0003, facts.longitude < 0 ? 'W' : 'E'),
    rationals(0x0004, degrees(facts.longitude)),
    bytes(0x0005, [facts.altitudeMetres < 0 ? 1 : 0]),
    rationals(0x0006, [[Math.round(Math.abs(facts.altitudeMetres) * 10), 10]]),
    ascii(0x0012, 'WGS-84'),
  ];
  const image = (exifAt: number, gpsAt: number) => [
    ascii(0x010f, facts.camera.make),
    ascii(0x0110, facts.camera.model),
    short(0x0112, 1),
    ascii(0x0132, facts.takenAt.local),
    long(0x8769, exifAt),
    long(0x8825, gpsAt),
  ];
  // The first directory holds the offsets of the others, and its own size does not depend on them.
  const exifAt = tiffHeaderBytes + directory(image(0, 0), tiffHeaderBytes).length;
  const gpsAt = exifAt + directory(exif, exifAt).length;
  const header = Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, tiffHeaderBytes]);
  return segment(
    0xe1,
    Buffer.concat([
      Buffer.from('Exif\0\0', 'latin1'),
      header,
      directory(image(exifAt, gpsAt), tiffHeaderBytes),
      directory(exif, exifAt),
      directory(gps, gpsAt),
    ]),
  );
}

/** Count, twelve bytes a field in tag order, offset of the next directory (none), then what did not fit in four bytes. */
function directory(fields: readonly Field[], at: number): Buffer {
  const table = Buffer.alloc(2 + fields.length * 12 + 4);
  table.writeUInt16BE(fields.length, 0);
  const overflow: Buffer[] = [];
  let overflowAt = at + table.length;
  for (const [index, field] of fields.entries()) {
    const row = 2 + index * 12;
    table.writeUInt16BE(field.tag, row);
    table.writeUInt16BE(field.type, row + 2);
    table.writeUInt32BE(field.count, row + 4);
    if (field.bytes.length <= 4) {
      field.bytes.copy(table, row + 8);
      continue;
    }
    table.writeUInt32BE(overflowAt, row + 8);
    // TIFF wants values to begin on a word boundary.
    const padded = Buffer.concat([field.bytes, Buffer.alloc(field.bytes.length % 2)]);
    overflow.push(padded);
    overflowAt += padded.length;
  }
  return Buffer.concat([table, ...overflow]);
}

/** Degrees, minutes and seconds to a ten-thousandth (3 mm), unsigned: the sign is the N/S or E/W beside them. */
function degrees(value: number): [number, number][] {
  const tenThousandths = Math.round(Math.abs(value) * 3600 * 10_000);
  const whole = Math.floor(tenThousandths / 36_000_000);
  const minutes = Math.floor((tenThousandths - whole * 36_000_000) / 600_000);
  return [
    [whole, 1],
    [minutes, 1],
    [tenThousandths - whole * 36_000_000 - minutes * 600_000, 10_000],
  ];
}

function bytes(tag: number, values: readonly number[]): Field {
  return { tag, type: 1, count: values.length, bytes: Buffer.from(values) };
}

function ascii(tag: number, text: string): Field {
  const terminated = Buffer.from(`${text}\0`, 'latin1');
  return { tag, type: 2, count: terminated.length, bytes: terminated };
}

function short(tag: number, value: number): Field {
  const content = Buffer.alloc(2);
  content.writeUInt16BE(value);
  return { tag, type: 3, count: 1, bytes: content };
}

function long(tag: number, value: number): Field {
  const content = Buffer.alloc(4);
  content.writeUInt32BE(value);
  return { tag, type: 4, count: 1, bytes: content };
}

function rationals(tag: number, values: readonly (readonly [number, number])[]): Field {
  const content = Buffer.alloc(values.length * 8);
  for (const [index, [numerator, denominator]] of values.entries()) {
    content.writeUInt32BE(numerator, index * 8);
    content.writeUInt32BE(denominator, index * 8 + 4);
  }
  return { tag, type: 5, count: values.length, bytes: content };
}

function undefinedBytes(tag: number, text: string): Field {
  const content = Buffer.from(text, 'latin1');
  return { tag, type: 7, count: content.length, bytes: content };
}
