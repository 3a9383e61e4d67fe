// The platform's side of a sailor's queues: puts messages in, encrypted as the sailor expects them, and takes what comes out.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, connect, type Message } from 'amqplib';

type Encryptor = {
  readonly encryptMessageContent: (content: unknown, encoding: 'base64') => Buffer;
  readonly decryptMessageContent: (content: Buffer | string, encoding: 'base64') => unknown;
};
const require = createRequire(import.meta.url);
const SailorsEncryptor = require('elasticio-sailor-nodejs/lib/encryptor.js') as new (
  password: string,
  iv: string,
) => Encryptor;

export type Outcome = { readonly kind: 'data' | 'error'; readonly content: unknown };

export type MessageDesk = {
  /** What a sailor needs to know of it, by the names of its environment without `ELASTICIO_`. */
  readonly settings: Readonly<Record<string, string>>;
  readonly send: (bodies: readonly object[]) => Promise<void>;
  /** Resolves with the next so many outcomes, in the order in which they came. */
  readonly take: (count: number) => Promise<readonly Outcome[]>;
  /** Resolves once so many sailors listen. */
  readonly whenHeard: (sailors: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

const askEveryMs = 50;
const heardWithinMs = 60_000;

export async function openMessageDesk(brokerUrl: string): Promise<MessageDesk> {
  const name = `flow-${randomBytes(6).toString('hex')}`;
  const password = randomBytes(16).toString('hex');
  const iv = randomBytes(8).toString('hex');
  const encryptor = new SailorsEncryptor(password, iv);
  const connection = await connect(brokerUrl);
  connection.on('error', () => {});
  const outcomes: Outcome[] = [];
  let heard = () => {};
  const channel = await openChannel(connection, name, (message) => {
    outcomes.push(outcomeOf(message, encryptor));
    heard();
  });
  return {
    settings: {
      AMQP_URI: brokerUrl,
      LISTEN_MESSAGES_ON: `${name}-in`,
      PUBLISH_MESSAGES_TO: name,
      ...Object.fromEntries(routes.map((route) => [`${route.toUpperCase()}_ROUTING_KEY`, route])),
      MESSAGE_CRYPTO_PASSWORD: password,
      MESSAGE_CRYPTO_IV: iv,
    },
    send: async (bodies) => {
      for (const body of bodies) {
        const messageId = randomBytes(8).toString('hex');
        const content = encryptor.encryptMessageContent({ id: messageId, body, headers: {} }, 'base64');
        const headers = {
          execId: 'exec',
          taskId: name,
          userId: 'user',
          threadId: name,
          messageId,
          stepId: 'step_0',
        };
        channel.publish(name, 'in', content, { headers });
      }
      await channel.waitForConfirms();
    },
    take: async (count) => {
      while (outcomes.length < count) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
      return outcomes.splice(0, count);
    },
    whenHeard: async (sailors) => {
      for (let left = heardWithinMs / askEveryMs; left > 0; left -= 1) {
        if ((await channel.checkQueue(`${name}-in`)).consumerCount >= sailors) return;
        await sleep(askEveryMs);
      }
      throw new Error(`${sailors} sailors do not listen`);
    },
    close: () => connection.close(),
  };
}

const routes = ['data', 'error', 'rebound', 'snapshot'] as const;

async function openChannel(connection: Connection, name: string, take: (message: Message) => void) {
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange(name, 'direct', { durable: false });
  for (const queue of ['in', 'out']) await channel.assertQueue(`${name}-${queue}`, { durable: false });
  await channel.bindQueue(`${name}-in`, name, 'in');
  for (const route of routes) await channel.bindQueue(`${name}-out`, name, route);
  await channel.consume(`${name}-out`, (message) => message !== null && take(message), { noAck: true });
  return channel;
}

/** An error travels encrypted inside of a JSON that is not. */
function outcomeOf({ fields, content }: Message, encryptor: Encryptor): Outcome {
  if (fields.routingKey === 'data') {
    return { kind: 'data', content: encryptor.decryptMessageContent(content, 'base64') };
  }
  const text = content.toString('utf8');
  if (fields.routingKey !== 'error') return { kind: 'error', content: `${fields.routingKey}: ${text}` };
  const { error } = JSON.parse(text) as { readonly error: string };
  return { kind: 'error', content: encryptor.decryptMessageContent(error, 'base64') };
}
