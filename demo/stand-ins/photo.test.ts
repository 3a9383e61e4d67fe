import exifr from 'exifr';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { encodeJpeg, type Rgb } from './jpeg.ts';
import { photo, towerFacts } from './photo.ts';

describe('the photograph', () => {
  it('tells an EXIF reader where and when it was taken', async () => {
    const tags = await exifr.parse(photo(), { reviveValues: false });
    expect(tags.latitude).toBeCloseTo(towerFacts.latitude, 6);
    expect(tags.longitude).toBeCloseTo(towerFacts.longitude, 6);
    expect(tags).toMatchObject({
      Make: 'Latchkey',
      Model: 'Stand-in camera',
      DateTimeOriginal: '2024:06:21 19:42:10',
      OffsetTimeOriginal: '+02:00',
      GPSLatitudeRef: 'N',
      GPSLongitudeRef: 'E',
      GPSAltitude: 33,
    });
  });

  it('keeps the sign of places south of the equator and west of Greenwich', async () => {
    const found = await exifr.gps(photo({ ...towerFacts, latitude: -22.951911, longitude: -43.210487 }));
    expect(found.latitude).toBeCloseTo(-22.951911, 6);
    expect(found.longitude).toBeCloseTo(-43.210487, 6);
  });

  it('is a picture that another decoder sees as it was drawn: sky, iron, grass', () => {
    const pixel = decoded(photo(), 320, 240);
    expectColour(pixel(10, 2), [96, 152, 214]);
    expectColour(pixel(160, 90), [92, 68, 50]);
    expectColour(pixel(10, 230), [86, 128, 62]);
  });
});

describe('the encoder', () => {
  it('keeps size and colours of a picture whose edges cut through blocks, noise included', () => {
    const colourAt = (x: number, y: number): Rgb => [(x * 7) % 256, (y * 11) % 256, ((x ^ y) * 37) % 256];
    const bytes = encodeJpeg({ width: 61, height: 43, colourAt });
    const pixel = decoded(bytes, 61, 43);
    let error = 0;
    for (let y = 0; y < 43; y += 1) {
      for (let x = 0; x < 61; x += 1) error += Math.abs((pixel(x, y)[1] ?? 0) - (colourAt(x, y)[1] ?? 0));
    }
    // Quality 50 blurs noise; a lost bit or a wrong code would make the mean error that of chance (85).
    expect(error / (61 * 43)).toBeLessThan(20);
  });
});

function decoded(bytes: Buffer, width: number, height: number): (x: number, y: number) => readonly number[] {
  const picture = jpeg.decode(bytes, { useTArray: true, tolerantDecoding: false });
  expect([picture.width, picture.height]).toEqual([width, height]);
  return (x, y) => Array.from(picture.data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3));
}

function expectColour(seen: readonly number[], drawn: Rgb): void {
  for (const [channel, value] of drawn.entries()) {
    expect(Math.abs((seen[channel] ?? 0) - value)).toBeLessThan(24);
  }
}
