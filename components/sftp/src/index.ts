// Files on an SFTP server: list a directory, read and write a file.
import { action, component, input, util } from '@prismatic-io/spectral';
import { basic, privateKey, server, withSftp } from './connection';

/** What a step result carries. */
const maxFileBytes = 30 * 1024 * 1024;

const path = input({ label: 'Path', type: 'string', required: true, clean: util.types.toString });

const listDirectory = action({
  display: { label: 'List directory', description: 'List the files of a directory' },
  inputs: { ...server, path },
  perform: async (_context, { path: directory, ...where }) =>
    withSftp(where, async (sftp) => {
      const files = await sftp.list(directory || '.');
      return {
        data: files.map(({ name, type, size, modifyTime }) => ({
          name,
          type: ({ d: 'directory', '-': 'file', l: 'link' } as Record<string, string>)[type] ?? 'other',
          size,
          modifiedAt: new Date(modifyTime).toISOString(),
        })),
      };
    }),
});

const readFile = action({
  display: { label: 'Read file', description: 'Read a file' },
  inputs: { ...server, path },
  perform: async (_context, { path: file, ...where }) =>
    withSftp(where, async (sftp) => {
      const { size } = await sftp.stat(file);
      if (size > maxFileBytes) {
        throw new Error(`The file has ${size} bytes; at most ${maxFileBytes} fit a step.`);
      }
      const contents = await sftp.get(file);
      return {
        data: Buffer.isBuffer(contents) ? contents : Buffer.from(String(contents)),
        contentType: 'application/octet-stream',
      };
    }),
});

const writeFile = action({
  display: { label: 'Write file', description: 'Write a file, replacing one of the same name' },
  inputs: {
    ...server,
    path,
    contents: input({
      label: 'Contents',
      type: 'data',
      required: true,
      comments: 'Text, or the result of an earlier step',
      clean: (value) => util.types.toBufferDataPayload(value).data,
    }),
  },
  perform: async (context, { path: file, contents, ...where }) =>
    withSftp(where, async (sftp) => {
      await sftp.put(contents, file);
      context.logger.info(`Wrote ${contents.length} bytes to ${file}.`);
      return { data: { path: file, size: contents.length } };
    }),
});

export default component({
  key: 'sftp',
  display: {
    label: 'SFTP',
    description: 'List, read and write files on an SFTP server',
    category: 'Data Platforms',
    iconPath: 'icon.png',
  },
  actions: { listDirectory, readFile, writeFile },
  connections: [basic, privateKey],
});
