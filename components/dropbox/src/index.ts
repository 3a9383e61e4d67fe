// Dropbox over its HTTP API, version 2: list a folder, download a file.
import { component } from '@prismatic-io/spectral';
import { oauth2 } from './connection';
import { downloadFile } from './download-file';
import { listFolder } from './list-folder';

export default component({
  key: 'dropbox',
  display: {
    label: 'Dropbox',
    description: 'List folders and download files of a Dropbox account',
    category: 'Data Platforms',
    iconPath: 'icon.png',
  },
  actions: { listFolder, downloadFile },
  connections: [oauth2],
});
