// The names of the dialect's objects and the records of ours behind them. Their fields are in files of their own, which
// refer to each other through these.
import type { ConfigVariable } from '../../connections/config-variable-store.ts';
import type { ConnectionRow } from '../../connections/connection-store.ts';
import type { ConnectionType } from '../../credentials/connection-type.ts';
import type { Credential } from '../../credentials/credential.ts';
import type { ConnectionLogEntry } from '../../credentials/log-store.ts';
import type { ComponentVersion } from '../../integrations/component.ts';
import type { ConfigVariable as DeclaredVariable, Flow, Json } from '../../integrations/definition.ts';
import type { Instance, InstanceFlow } from '../../integrations/instance.ts';
import type { Integration } from '../../integrations/integration.ts';
import type { Version } from '../../integrations/version.ts';
import type { Execution, ExecutionLogEntry, StepResult } from '../../runner/execution.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { Principal } from '../../tenancy/principal.ts';
import type { Unit } from '../../tenancy/unit.ts';
import { builder } from './builder.ts';
import { connectionOf } from './connection.ts';

export const AuthenticatedUserRef = builder.objectRef<Actor>('AuthenticatedUser');
export const UserRef = builder.objectRef<Principal>('User');
export const OrganizationRef = builder.objectRef<Unit>('Organization');
export const CustomerRef = builder.objectRef<Unit>('Customer');
export const CustomerConnection = connectionOf('Customer', CustomerRef);

export const AuthorizationMethodRef = builder.objectRef<ConnectionType>('AuthorizationMethod');
export const AuthorizationMethodConnection = connectionOf('AuthorizationMethod', AuthorizationMethodRef);
export const CredentialRef = builder.objectRef<Credential>('Credential');
export const CredentialConnection = connectionOf('Credential', CredentialRef);
export const ConnectionLogRef = builder.objectRef<ConnectionLogEntry>('ConnectionLog');
export const ConnectionLogConnection = connectionOf('ConnectionLog', ConnectionLogRef);

export const ComponentRef = builder.objectRef<ComponentVersion>('Component');
export const ComponentConnection = connectionOf('Component', ComponentRef);

/** Without a version it is the integration as such. */
export type IntegrationNode = { readonly integration: Integration; readonly version: Version | null };
export const IntegrationRef = builder.objectRef<IntegrationNode>('Integration');
export const IntegrationConnection = connectionOf('Integration', IntegrationRef);

export type IntegrationFlowNode = {
  readonly integrationId: Integration['id'];
  readonly flow: Pick<Flow, 'name' | 'stableKey' | 'description' | 'isSynchronous'>;
};
export const IntegrationFlowRef = builder.objectRef<IntegrationFlowNode>('IntegrationFlow');
export const IntegrationFlowConnection = connectionOf('IntegrationFlow', IntegrationFlowRef);

export type RequiredVariableNode = {
  readonly variable: ConfigVariable;
  /** As the file of the integration declares it. */
  readonly declared: DeclaredVariable;
};
export const RequiredConfigVariableRef = builder.objectRef<RequiredVariableNode>('RequiredConfigVariable');
export const RequiredConfigVariableConnection = connectionOf(
  'RequiredConfigVariable',
  RequiredConfigVariableRef,
);

export const InstanceRef = builder.objectRef<Instance>('Instance');
export const InstanceConnection = connectionOf('Instance', InstanceRef);

export type InstanceVariableNode = RequiredVariableNode & {
  readonly instance: Instance;
  /** Null for values, and for connections that are held elsewhere. */
  readonly connection: ConnectionRow | null;
  readonly value: Json;
};
export const InstanceConfigVariableRef = builder.objectRef<InstanceVariableNode>('InstanceConfigVariable');
export const InstanceConfigVariableConnection = connectionOf(
  'InstanceConfigVariable',
  InstanceConfigVariableRef,
);

export type FlowConfigNode = { readonly instance: Instance; readonly flow: InstanceFlow };
export const InstanceFlowConfigRef = builder.objectRef<FlowConfigNode>('InstanceFlowConfig');
export const InstanceFlowConfigConnection = connectionOf('InstanceFlowConfig', InstanceFlowConfigRef);

export const ExecutionRef = builder.objectRef<Execution>('InstanceExecutionResult');
export const ExecutionConnection = connectionOf('InstanceExecutionResult', ExecutionRef);

export type StepResultNode = { readonly execution: Execution; readonly step: StepResult };
export const StepResultRef = builder.objectRef<StepResultNode>('InstanceStepResult');
export const StepResultConnection = connectionOf('InstanceStepResult', StepResultRef);

export const LogRef = builder.objectRef<ExecutionLogEntry>('Log');
export const LogConnection = connectionOf('Log', LogRef);
