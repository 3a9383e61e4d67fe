// Makes photos: a JPEG of one grey pixel that carries an EXIF block, with a GPS position or without.

type Position = { readonly latitude: number; readonly longitude: number };

/** One tag of a TIFF directory: number, type (2 text, 4 long, 5 rational), values. */
type Tag = { readonly id: number; readonly type: 2 | 4 | 5; readonly count: number; readonly data: Buffer };

const gpsDirectoryTag = 0x8825;
const tiffHeader = Buffer.from('4d4d002a00000008', 'hex');

// A complete baseline JPEG, 1 x 1, grey; the EXIF block goes in behind its first marker.
const onePixel = Buffer.from(
  '/9j/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k=',
  'base64',
);

export function makePhoto(position: Position | null): Buffer {
  const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), makeTiff(position)]);
  const marker = Buffer.from([0xff, 0xe1, 0, 0]);
  marker.writeUInt16BE(exif.length + 2, 2);
  return Buffer.concat([onePixel.subarray(0, 2), marker, exif, onePixel.subarray(2)]);
}

function makeTiff(position: Position | null): Buffer {
  const camera = text(0x010f, 'Latchkey test camera');
  if (position === null) return Buffer.concat([tiffHeader, directory([camera], 8)]);
  const mainLength = directory([camera, long(gpsDirectoryTag, 0)], 8).length;
  const main = directory([camera, long(gpsDirectoryTag, 8 + mainLength)], 8);
  const { latitude, longitude } = position;
  const gps = [
    text(1, latitude < 0 ? 'S' : 'N'),
    degrees(2, latitude),
    text(3, longitude < 0 ? 'W' : 'E'),
    degrees(4, longitude),
  ];
  return Buffer.concat([tiffHeader, main, directory(gps, 8 + mainLength)]);
}

/** Values longer than four bytes stand behind the directory and are referred to by offset. */
function directory(tags: readonly Tag[], offset: number): Buffer {
  const head = Buffer.alloc(2 + tags.length * 12 + 4);
  head.writeUInt16BE(tags.length, 0);
  const overflow: Buffer[] = [];
  let next = offset + head.length;
  for (const [index, tag] of tags.entries()) {
    const at = 2 + index * 12;
    head.writeUInt16BE(tag.id, at);
    head.writeUInt16BE(tag.type, at + 2);
    head.writeUInt32BE(tag.count, at + 4);
    if (tag.data.length <= 4) {
      tag.data.copy(head, at + 8);
    } else {
      head.writeUInt32BE(next, at + 8);
      overflow.push(tag.data);
      next += tag.data.length;
    }
  }
  return Buffer.concat([head, ...overflow]);
}

function text(id: number, value: string): Tag {
  const data = Buffer.from(`${value}\0`, 'latin1');
  return { id, type: 2, count: data.length, data };
}

function long(id: number, value: number): Tag {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(value);
  return { id, type: 4, count: 1, data };
}

/** Degrees, minutes and seconds as fractions; the seconds to a ten-thousandth. */
function degrees(id: number, value: number): Tag {
  const absolute = Math.abs(value);
  const whole = Math.floor(absolute);
  const minutes = Math.floor((absolute - whole) * 60);
  const seconds = (absolute - whole - minutes / 60) * 3600;
  const data = Buffer.alloc(24);
  for (const [index, number] of [whole, 1, minutes, 1, Math.round(seconds * 10_000), 10_000].entries()) {
    data.writeUInt32BE(number, index * 4);
  }
  return { id, type: 5, count: 3, data };
}
