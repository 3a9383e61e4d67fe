// What we use of a client that brings no types. It is called as a function, as sailors call it.
declare module 'elasticio-rest-node' {
  type Client = {
    readonly tasks: { readonly retrieveStep: (flowId: string, stepId: string) => Promise<unknown> };
    readonly accounts: { readonly update: (id: string, body: object) => Promise<unknown> };
    readonly secrets: { readonly retrieve: (workspaceId: string, secretId: string) => Promise<unknown> };
  };
  function connect(user?: string, password?: string): Client;
  export = connect;
}
