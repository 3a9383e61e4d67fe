// Lists the objects of a bucket, following continuation tokens.
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { action, input, util } from '@prismatic-io/spectral';
import { place, withClient } from './connection';

const maxPages = 500;

export const listObjects = action({
  display: { label: 'List objects', description: 'List objects of a bucket' },
  inputs: {
    ...place,
    prefix: input({ label: 'Prefix', type: 'string', required: false, clean: util.types.toString }),
    limit: input({
      label: 'Limit',
      type: 'string',
      required: false,
      default: '1000',
      clean: (value) => Math.max(1, util.types.toInt(value, 1000)),
    }),
  },
  perform: async (_context, { connection, bucket, prefix, limit, ...where }) =>
    withClient(connection, where, async (client) => {
      const objects: object[] = [];
      let token: string | undefined;
      for (let pages = 0; pages < maxPages && objects.length < limit; pages += 1) {
        const page: ListObjectsV2CommandOutput = await client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            MaxKeys: Math.min(1000, limit - objects.length),
            ...(prefix === '' ? {} : { Prefix: prefix }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        );
        objects.push(...(page.Contents ?? []).map(describe));
        token = page.NextContinuationToken;
        if (token === undefined) break;
      }
      return { data: { objects, hasMore: token !== undefined } };
    }),
});

function describe(object: NonNullable<ListObjectsV2CommandOutput['Contents']>[number]): object {
  return {
    key: object.Key ?? '',
    size: object.Size ?? 0,
    eTag: object.ETag ?? null,
    lastModified: object.LastModified?.toISOString() ?? null,
  };
}
