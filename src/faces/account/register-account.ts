// The face of people's accounts: set-up, sign-in, passwords, tokens. Pages for people and JSON for programs on the same session.
import type { FastifyInstance } from 'fastify';
import { acceptJsonBodies } from '../http/json-bodies.ts';
import { dressErrorPages } from '../pages/error-page.ts';
import { acceptForms, formLimitBytes } from '../pages/form-bodies.ts';
import { registerAccountPages } from './account.ts';
import { type AccountHouse, eitherDialect } from './exchange.ts';
import { registerPassword } from './password.ts';
import { registerRedirectOrigins } from './redirect-origins.ts';
import { registerResetPassword } from './reset-password.ts';
import { registerServices } from './service-accounts.ts';
import { registerSetup } from './setup.ts';
import { registerSignIn } from './sign-in.ts';
import { registerTokens } from './tokens.ts';

export async function registerAccount(app: FastifyInstance, house: AccountHouse): Promise<void> {
  await app.register((scope, _options, done) => {
    // JSON and forms, nothing else: another site's page can send plain text with JSON in it.
    acceptJsonBodies(scope);
    acceptForms(scope);
    dressErrorPages(scope);
    scope.addHook('onRoute', (route) => {
      route.bodyLimit = formLimitBytes;
      route.config = { errorDialect: eitherDialect, ...route.config };
    });
    registerSetup(scope, house);
    registerSignIn(scope, house);
    registerAccountPages(scope, house);
    registerPassword(scope, house);
    registerResetPassword(scope, house);
    registerTokens(scope, house);
    registerServices(scope, house);
    registerRedirectOrigins(scope, house);
    done();
  });
}
