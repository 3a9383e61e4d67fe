import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import exifr from 'exifr';
import SftpClient from 'ssh2-sftp-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photoPath, type StandIns, startStandIns } from './stand-ins.ts';

let world: StandIns;
beforeAll(async () => {
  world = await startStandIns({ isLiveAccessToken: (token) => token === 'alive' });
});
afterAll(() => world.close());

describe('the stand-ins together', () => {
  it('carry the story: a picture by token, its address by key, a file by signature', async () => {
    const { urls, accounts } = world;
    const picture = await fetch(`${urls.dropboxContent}/2/files/download`, {
      method: 'POST',
      headers: { authorization: 'Bearer alive', 'dropbox-api-arg': JSON.stringify({ path: photoPath }) },
    });
    const place = await exifr.gps(Buffer.from(await picture.arrayBuffer()));
    const query = new URLSearchParams({
      latlng: `${place.latitude},${place.longitude}`,
      key: accounts.googleMaps.apiKey,
    });
    const geocoded = (await (await fetch(`${urls.googleMaps}/maps/api/geocode/json?${query}`)).json()) as {
      results: { formatted_address: string }[];
    };
    const address = geocoded.results[0]?.formatted_address ?? '';
    expect(address).toBe('5 Avenue Anatole France, 75007 Paris, France');
    const { bucket, region, ...credentials } = accounts.s3;
    const s3 = new S3Client({ endpoint: urls.s3, region, credentials, forcePathStyle: true });
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'address.txt', Body: address }));
    const stored = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'address.txt' }));
    expect(await stored.Body?.transformToString()).toBe(address);
    expect(String(world.s3.objectAt(bucket, 'address.txt')?.bytes)).toBe(address);
  });

  it.each(['password', 'privateKey'] as const)('let the SFTP account in by %s', async (way) => {
    const client = new SftpClient();
    const { username } = world.accounts.sftp;
    const { host, port } = world.sftp;
    await client.connect({ host, port, username, [way]: world.accounts.sftp[way] });
    expect(String(await client.get('/inbox/orders.csv'))).toContain('1001');
    await client.end();
  });

  it('listen on loopback only and say in every line that they are stand-ins', () => {
    for (const url of Object.values(world.urls)) expect(url).toContain('//127.0.0.1:');
    expect(world.announcement).toHaveLength(4);
    for (const line of world.announcement) expect(line).toContain('stand-in');
  });

  it('make up other secrets at each start, and tell none in what they print or keep', async () => {
    const other = await startStandIns({ isLiveAccessToken: () => false });
    await other.close();
    const secrets = ({ accounts }: StandIns) => [
      accounts.googleMaps.apiKey,
      accounts.s3.secretAccessKey,
      accounts.sftp.password,
      accounts.sftp.privateKey,
    ];
    const told = JSON.stringify([world.announcement, Object.values(world.ledgers).map((l) => l.entries())]);
    for (const [index, secret] of secrets(world).entries()) {
      expect(secrets(other)[index]).not.toBe(secret);
      expect(told.includes(secret)).toBe(false);
    }
  });
});
