// Amazon S3 and everything that speaks its protocol: put, get and list objects.
import { component } from '@prismatic-io/spectral';
import { accessKey } from './connection';
import { getObject } from './get-object';
import { listObjects } from './list-objects';
import { putObject } from './put-object';

export default component({
  key: 'aws-s3',
  display: {
    label: 'Amazon S3',
    description: 'Read, write and list objects in S3',
    category: 'Data Platforms',
    iconPath: 'icon.png',
  },
  actions: { putObject, getObject, listObjects },
  connections: [accessKey],
});
