// Asks our own process whether it is alive; exit code 0 = yes. For health checks of containers, which have no curl.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

const isTls = Boolean(process.env.TLS_CERT_FILE);
const request = isTls ? httpsRequest : httpRequest;
// The certificate is for the public name, and this is the way from us to us.
const options = {
  host: '127.0.0.1',
  port: process.env.PORT ?? 4080,
  path: '/livez',
  rejectUnauthorized: false,
};

const asking = request({ ...options, timeout: 4000 }, (answer) => {
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
  answer.resume();
});
asking.on('timeout', () => asking.destroy(new Error('no answer within 4 s')));
asking.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
asking.end();
