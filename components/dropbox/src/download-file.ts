// Downloads one file as bytes.
import { action, input, util } from '@prismatic-io/spectral';
import { anyStatus, asDropboxPath, createDropboxClient, refuse } from './request';

/** What a step result carries; a larger file would only fail later, after it was fetched. */
const maxFileBytes = 30 * 1024 * 1024;
const contentHost = 'https://content.dropboxapi.com';

export const downloadFile = action({
  display: { label: 'Download file', description: 'Download a file' },
  inputs: {
    connection: input({ label: 'Connection', type: 'connection', required: true }),
    path: input({
      label: 'Path',
      type: 'string',
      required: true,
      comments: 'Path or id of the file',
      example: '/photos/bridge.jpg',
      clean: (value) => asDropboxPath(util.types.toString(value)),
    }),
    contentUrl: input({
      label: 'Content URL',
      type: 'string',
      required: false,
      comments: 'Base of the content endpoints; change it only to use a stand-in',
      default: contentHost,
      clean: (value) => util.types.toString(value).replace(/\/+$/, '') || contentHost,
    }),
  },
  perform: async (context, { connection, path, contentUrl }) => {
    if (path === '') throw new Error('Path is empty: name the file to download.');
    const client = createDropboxClient(connection, contentUrl);
    const { status, data, headers } = await client.post<Buffer>('/2/files/download', undefined, {
      ...anyStatus,
      responseType: 'arraybuffer',
      maxContentLength: maxFileBytes,
      // Dropbox refuses a JSON content type here, which the client would otherwise send.
      headers: { 'Dropbox-API-Arg': asHeaderJson({ path }), 'Content-Type': 'application/octet-stream' },
    });
    if (status !== 200) refuse(connection, status, data, headers['retry-after']);
    const file = Buffer.from(data);
    context.logger.debug(`Dropbox sent ${file.length} bytes.`);
    return { data: file, contentType: String(headers['content-type'] ?? 'application/octet-stream') };
  },
});

/** JSON that fits into a header: everything outside ASCII, and DEL, as \uXXXX. */
export function asHeaderJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
