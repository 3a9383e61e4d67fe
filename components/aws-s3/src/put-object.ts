// Writes one object.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { action, input, util } from '@prismatic-io/spectral';
import { place, withClient } from './connection';

export const putObject = action({
  display: { label: 'Put object', description: 'Write an object to a bucket' },
  inputs: {
    ...place,
    objectKey: input({ label: 'Object key', type: 'string', required: true, clean: util.types.toString }),
    contents: input({
      label: 'Contents',
      type: 'data',
      required: true,
      comments: 'Text, or the result of an earlier step',
      clean: (value) => util.types.toBufferDataPayload(value),
    }),
    contentType: input({
      label: 'Content type',
      type: 'string',
      required: false,
      comments: 'Empty takes that of the contents',
      example: 'text/plain',
      clean: util.types.toString,
    }),
  },
  perform: async (context, { connection, bucket, objectKey, contents, contentType, ...where }) => {
    const answer = await withClient(connection, where, (client) =>
      client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: objectKey,
          Body: contents.data,
          ContentLength: contents.data.length,
          ContentType: contentType || contents.contentType || 'application/octet-stream',
        }),
      ),
    );
    context.logger.info(`Wrote ${contents.data.length} bytes to ${bucket}/${objectKey}.`);
    return {
      data: { bucket, key: objectKey, eTag: answer.ETag ?? null, versionId: answer.VersionId ?? null },
    };
  },
});
