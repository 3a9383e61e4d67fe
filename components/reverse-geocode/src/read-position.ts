// Reads the GPS position that a camera wrote into a photo.
import exifr from 'exifr';

export type Position = { readonly latitude: number; readonly longitude: number };

export async function readPosition(photo: Buffer): Promise<Position> {
  if (photo.length === 0) throw new Error('The photo is empty.');
  const found = await exifr.gps(photo).catch((error: unknown) => {
    throw new Error('The photo is in no format that EXIF data can be read from.', { cause: error });
  });
  if (!isPosition(found)) {
    throw new Error('The photo holds no GPS position: it was taken without, or the position was removed.');
  }
  return { latitude: found.latitude, longitude: found.longitude };
}

/** Cameras without a fix write zeros over zeros, which divide to NaN. */
function isPosition(found: Position | undefined): found is Position {
  return (
    found !== undefined &&
    Number.isFinite(found.latitude) &&
    Number.isFinite(found.longitude) &&
    Math.abs(found.latitude) <= 90 &&
    Math.abs(found.longitude) <= 180
  );
}
