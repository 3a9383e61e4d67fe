// What we use of the sailor's own queue client, which brings no types.
declare module 'amqplib' {
  type Message = {
    readonly content: Buffer;
    readonly fields: { readonly routingKey: string };
    readonly properties: { readonly headers: Readonly<Record<string, unknown>> };
  };
  type Channel = {
    readonly assertExchange: (name: string, kind: 'direct', options: object) => Promise<unknown>;
    readonly assertQueue: (name: string, options: object) => Promise<unknown>;
    readonly bindQueue: (queue: string, exchange: string, routingKey: string) => Promise<unknown>;
    readonly checkQueue: (name: string) => Promise<{ readonly consumerCount: number }>;
    readonly consume: (
      queue: string,
      take: (message: Message | null) => void,
      options: { readonly noAck: true },
    ) => Promise<unknown>;
    readonly publish: (exchange: string, routingKey: string, content: Buffer, options: object) => boolean;
    readonly waitForConfirms: () => Promise<void>;
  };
  type Connection = {
    readonly createConfirmChannel: () => Promise<Channel>;
    readonly on: (event: 'error', listener: (error: Error) => void) => void;
    readonly close: () => Promise<void>;
  };
  export function connect(url: string): Promise<Connection>;
}
