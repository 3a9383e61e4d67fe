// The JSON:API dialect at /v2: auth clients and secrets as the clients of elastic.io know them.
import type { FastifyInstance } from 'fastify';
import { requireJsonAccepted } from './accept.ts';
import { registerAuthClientRoutes } from './auth-client-routes.ts';
import { registerContractRoutes } from './contract-routes.ts';
import { acceptJsonBodies, ignoreBodies } from './json-bodies.ts';
import { answerMissingRoutes } from './missing-route.ts';
import { registerOpenApi } from './openapi-routes.ts';
import { registerRoleRoutes } from './role-routes.ts';
import type { Rooms } from './rooms.ts';
import { type BookedRoute, bookRoutes } from './route-book.ts';
import { registerSecretRoutes } from './secret-routes.ts';
import { registerUserRoutes } from './user-routes.ts';
import { registerWorkspaceRoutes } from './workspace-routes.ts';

export async function registerJsonApi(app: FastifyInstance, house: Rooms): Promise<void> {
  await app.register(
    (json, _options, done) => {
      const book: BookedRoute[] = [];
      bookRoutes(json, book);
      answerMissingRoutes(json);
      json.addHook('onRequest', (request, _reply, done) => {
        const { operation } = request.routeOptions.config;
        if (operation?.answer.mediaType === undefined) requireJsonAccepted(request.headers.accept);
        done();
      });
      acceptJsonBodies(json);
      void json.register((bodiless, _inner, innerDone) => {
        ignoreBodies(bodiless);
        const scopes = { json, bodiless };
        registerSecretRoutes(scopes, house);
        registerAuthClientRoutes(scopes, house);
        registerWorkspaceRoutes(scopes, house);
        registerContractRoutes(scopes, house);
        registerRoleRoutes(scopes, house);
        registerUserRoutes(scopes, house);
        registerOpenApi(json, book);
        innerDone();
      });
      done();
    },
    { prefix: '/v2' },
  );
}
