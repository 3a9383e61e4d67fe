// The names of the dialect's objects and the records of ours behind them. Their fields are in files of their own, which
// refer to each other through these.
import type { ConnectionType } from '../../credentials/connection-type.ts';
import type { Credential } from '../../credentials/credential.ts';
import type { ConnectionLogEntry } from '../../credentials/log-store.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { Unit } from '../../tenancy/unit.ts';
import { builder } from './builder.ts';
import { connectionOf } from './connection.ts';

export const AuthenticatedUserRef = builder.objectRef<Actor>('AuthenticatedUser');
export const OrganizationRef = builder.objectRef<Unit>('Organization');
export const CustomerRef = builder.objectRef<Unit>('Customer');
export const CustomerConnection = connectionOf('Customer', CustomerRef);
export const AuthorizationMethodRef = builder.objectRef<ConnectionType>('AuthorizationMethod');
export const AuthorizationMethodConnection = connectionOf('AuthorizationMethod', AuthorizationMethodRef);
export const CredentialRef = builder.objectRef<Credential>('Credential');
export const CredentialConnection = connectionOf('Credential', CredentialRef);
export const ConnectionLogRef = builder.objectRef<ConnectionLogEntry>('ConnectionLog');
export const ConnectionLogConnection = connectionOf('ConnectionLog', ConnectionLogRef);
