// Lists a folder, following Dropbox's cursors until the folder or the wish is exhausted.
import { action, type Connection, input, util } from '@prismatic-io/spectral';
import { anyStatus, asDropboxPath, createDropboxClient, refuse } from './request';

/** Far beyond what a step can use; a cursor that never ends must not hold it for ever. */
const maxPages = 500;

const apiUrl = input({
  label: 'API URL',
  type: 'string',
  required: false,
  comments: 'Base of the API; change it only to use a stand-in',
  default: 'https://api.dropboxapi.com',
  clean: (value) => util.types.toString(value).replace(/\/+$/, '') || 'https://api.dropboxapi.com',
});

export const listFolder = action({
  display: { label: 'List folder', description: 'List the files and folders inside a folder' },
  inputs: {
    connection: input({ label: 'Connection', type: 'connection', required: true }),
    path: input({
      label: 'Path',
      type: 'string',
      required: false,
      comments: 'Path or id of the folder; empty is the root',
      example: '/photos',
      clean: (value) => asDropboxPath(util.types.toString(value)),
    }),
    recursive: input({ label: 'Recursive', type: 'boolean', required: false, clean: util.types.toBool }),
    limit: input({
      label: 'Limit',
      type: 'string',
      required: false,
      comments: 'Greatest number of entries to return',
      default: '2000',
      clean: (value) => Math.max(1, util.types.toInt(value, 2000)),
    }),
    apiUrl,
  },
  perform: async (context, { connection, path, recursive, limit, apiUrl: baseUrl }) => {
    const client = createDropboxClient(connection, baseUrl);
    const entries: unknown[] = [];
    let page = await fetchPage('/2/files/list_folder', { path, recursive, limit: Math.min(limit, 2000) });
    entries.push(...page.entries);
    for (let pages = 1; page.has_more && entries.length < limit && pages < maxPages; pages += 1) {
      page = await fetchPage('/2/files/list_folder/continue', { cursor: page.cursor });
      entries.push(...page.entries);
    }
    context.logger.debug(`Dropbox listed ${entries.length} entries.`);
    const isComplete = !page.has_more && entries.length <= limit;
    return { data: { entries: entries.slice(0, limit), hasMore: !isComplete } };

    async function fetchPage(url: string, body: object): Promise<FolderPage> {
      const response = await client.post<FolderPage>(url, body, anyStatus);
      if (response.status !== 200) giveUp(connection, response);
      return response.data;
    }
  },
});

type FolderPage = {
  readonly entries: readonly unknown[];
  readonly cursor: string;
  readonly has_more: boolean;
};

function giveUp(
  connection: Connection,
  response: { readonly status: number; readonly data: unknown; readonly headers: object },
): never {
  refuse(connection, response.status, response.data, Reflect.get(response.headers, 'retry-after'));
}
