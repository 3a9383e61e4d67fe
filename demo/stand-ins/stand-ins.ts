// Starts the outside world of the demo: four services on loopback, each named a stand-in, with accounts made up anew
// at every start, so that no secret of theirs stands in a file.
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { type DropboxStandIn, startDropboxStandIn } from './dropbox-stand-in.ts';
import type { DropboxFile } from './dropbox-tree.ts';
import { type GoogleMapsStandIn, startGoogleMapsStandIn } from './google-maps-stand-in.ts';
import type { Ledger } from './ledger.ts';
import { photo, towerFacts } from './photo.ts';
import { type S3StandIn, startS3StandIn } from './s3-stand-in.ts';
import { type SftpStandIn, startSftpStandIn } from './sftp-stand-in.ts';
import { makeSshKey } from './ssh-key.ts';

export type StandInsOptions = {
  /** Whether the OAuth provider stands by this access token at this moment. */
  readonly isLiveAccessToken: (token: string) => boolean | Promise<boolean>;
  readonly clock?: Clock;
};

/** What a customer would hold at each service, to be entered as credentials. */
export type StandInAccounts = {
  readonly dropbox: { readonly accountId: string; readonly email: string; readonly displayName: string };
  readonly googleMaps: { readonly apiKey: string };
  readonly s3: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly region: string;
    readonly bucket: string;
  };
  readonly sftp: { readonly username: string; readonly password: string; readonly privateKey: string };
};

export type StandIns = {
  readonly dropbox: DropboxStandIn;
  readonly googleMaps: GoogleMapsStandIn;
  readonly s3: S3StandIn;
  readonly sftp: SftpStandIn;
  readonly urls: {
    readonly dropboxApi: string;
    readonly dropboxContent: string;
    readonly googleMaps: string;
    readonly s3: string;
    readonly sftp: string;
  };
  readonly ledgers: Readonly<Record<'dropbox' | 'googleMaps' | 's3' | 'sftp', Ledger>>;
  readonly accounts: StandInAccounts;
  /** One line each, to be printed: what it is and where. */
  readonly announcement: readonly string[];
  readonly close: () => Promise<void>;
};

/** Where the photograph lies in Dropbox. */
export const photoPath = '/Photos/eiffel-tower.jpg';

export async function startStandIns(options: StandInsOptions): Promise<StandIns> {
  const open: { readonly close: () => Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(open.map((standIn) => standIn.close()));
  };
  try {
    return { ...(await startAll(options, open)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whatever is open is in `open` before the next one starts. */
async function startAll(
  options: StandInsOptions,
  open: { readonly close: () => Promise<void> }[],
): Promise<Omit<StandIns, 'close'>> {
  const clock = options.clock ?? systemClock;
  const { accounts, sftpPublicKey } = makeUpAccounts();
  const { bucket, region, ...s3Keys } = accounts.s3;
  const { username, password } = accounts.sftp;
  const { isLiveAccessToken } = options;
  const dropbox = await startDropboxStandIn({
    clock,
    isLiveAccessToken,
    files: dropboxFiles(),
    account: accounts.dropbox,
  });
  open.push(dropbox);
  const googleMaps = await startGoogleMapsStandIn({ clock, apiKey: accounts.googleMaps.apiKey });
  open.push(googleMaps);
  const s3 = await startS3StandIn({ clock, region, buckets: [bucket], accessKeys: [s3Keys] });
  open.push(s3);
  const sftp = await startSftpStandIn({
    clock,
    users: [{ username, password, publicKey: sftpPublicKey }],
    files: { '/inbox/orders.csv': 'order,total\n1001,240.00\n1002,99.50\n', '/outbox/.keep': '' },
  });
  open.push(sftp);
  const urls = {
    dropboxApi: dropbox.apiUrl,
    dropboxContent: dropbox.contentUrl,
    googleMaps: googleMaps.url,
    s3: s3.url,
    sftp: `sftp://${sftp.host}:${sftp.port}`,
  };
  return {
    dropbox,
    googleMaps,
    s3,
    sftp,
    urls,
    ledgers: { dropbox: dropbox.ledger, googleMaps: googleMaps.ledger, s3: s3.ledger, sftp: sftp.ledger },
    accounts,
    announcement: [
      `Dropbox stand-in      ${urls.dropboxApi} (content ${urls.dropboxContent})`,
      `Google Maps stand-in  ${urls.googleMaps}`,
      `S3 stand-in           ${urls.s3} (verifies AWS Signature Version 4)`,
      `SFTP stand-in         ${urls.sftp} (host key ${sftp.hostFingerprint})`,
    ],
  };
}

function makeUpAccounts(): { accounts: StandInAccounts; sftpPublicKey: string } {
  const keys = makeSshKey();
  return {
    sftpPublicKey: keys.public,
    accounts: {
      dropbox: {
        accountId: 'dbid:AAHooliStandIn',
        email: 'gavin@hooli.example',
        displayName: 'Gavin Belson',
      },
      // In the shape of the real ones, so that a pattern made for those fits these.
      googleMaps: { apiKey: `AIza${randomBytes(32).toString('base64url').slice(0, 35)}` },
      s3: {
        accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secretAccessKey: randomBytes(30).toString('base64'),
        region: 'eu-west-3',
        bucket: 'hooli-addresses',
      },
      sftp: {
        username: 'hooli',
        password: randomBytes(18).toString('base64url'),
        privateKey: keys.private,
      },
    },
  };
}

function dropboxFiles(): DropboxFile[] {
  const modified = new Date('2024-06-21T17:42:10Z');
  const { latitude, longitude } = towerFacts;
  return [
    { path: photoPath, bytes: photo(), modified },
    { path: '/Photos/captions.txt', bytes: Buffer.from('An evening in Paris\n'), modified },
    {
      path: '/Reports/trips.csv',
      bytes: Buffer.from(`place,lat,lng\ntower,${latitude},${longitude}\n`),
      modified,
    },
    { path: '/Welcome.txt', bytes: Buffer.from('Files of the Dropbox stand-in of Latchkey.\n'), modified },
  ];
}
