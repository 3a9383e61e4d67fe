// The photograph that the demo's customer keeps in Dropbox: drawn in code, a real JPEG with the EXIF of a real place.
import { type ExifFacts, exifSegment } from './exif.ts';
import { encodeJpeg, type Picture, type Rgb } from './jpeg.ts';

/** At the foot of the Eiffel Tower, seen from the Champ de Mars. */
export const towerFacts: ExifFacts = {
  latitude: 48.85837,
  longitude: 2.294481,
  altitudeMetres: 33,
  takenAt: { local: '2024:06:21 19:42:10', offset: '+02:00' },
  camera: { make: 'Latchkey', model: 'Stand-in camera' },
};

export function photo(facts: ExifFacts = towerFacts): Buffer {
  return encodeJpeg(tower, [exifSegment(facts)]);
}

const sky: Rgb = [96, 152, 214];
const dusk: Rgb = [250, 206, 150];
const grass: Rgb = [86, 128, 62];
const iron: Rgb = [92, 68, 50];

const tower: Picture = {
  width: 320,
  height: 240,
  colourAt: (x, y) => {
    if (isIron(x - 160, y)) return iron;
    if (y >= 205) return grass;
    const share = y / 205;
    return [mix(sky[0], dusk[0], share), mix(sky[1], dusk[1], share), mix(sky[2], dusk[2], share)];
  },
};

/** Two legs that curve together under two platforms, an arch between them, a mast on top. */
function isIron(fromCentre: number, y: number): boolean {
  const distance = Math.abs(fromCentre);
  if (y < 18 || y > 212) return false;
  if (y < 34) return distance <= 1;
  const reach = 3 + 62 * ((y - 34) / 178) ** 2.4;
  if (distance > reach + (isPlatform(y) ? 4 : 0)) return false;
  if (isPlatform(y) || y < 118) return true;
  const arch = y > 168 ? 4 + 42 * Math.sqrt(Math.max(0, (y - 168) / 44)) : Math.max(0, reach - 11);
  return distance >= Math.min(arch, reach - 7);
}

function isPlatform(y: number): boolean {
  return (y >= 112 && y < 119) || (y >= 160 && y < 168);
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
