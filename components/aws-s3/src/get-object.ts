// Reads one object as bytes.
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { action, input, util } from '@prismatic-io/spectral';
import { place, withClient } from './connection';

/** What a step result carries. */
const maxObjectBytes = 30 * 1024 * 1024;

export const getObject = action({
  display: { label: 'Get object', description: 'Read an object of a bucket' },
  inputs: {
    ...place,
    objectKey: input({ label: 'Object key', type: 'string', required: true, clean: util.types.toString }),
  },
  perform: async (_context, { connection, bucket, objectKey, ...where }) =>
    withClient(connection, where, async (client) => {
      const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: objectKey }));
      if ((answer.ContentLength ?? 0) > maxObjectBytes) {
        throw new Error(
          `The object has ${answer.ContentLength} bytes; at most ${maxObjectBytes} fit a step.`,
        );
      }
      const bytes = await answer.Body?.transformToByteArray();
      return {
        data: Buffer.from(bytes ?? []),
        contentType: answer.ContentType ?? 'application/octet-stream',
      };
    }),
});
