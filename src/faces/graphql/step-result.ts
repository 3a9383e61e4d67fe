// Results of steps. Their content is fetched from an address of its own, as MessagePack.
import { derivedId, toGlobalId } from './global-id.ts';
import { StepResultRef } from './objects.ts';
import { resultsUrl } from './results-link.ts';

StepResultRef.implement({
  fields: (t) => ({
    id: t.id({
      nullable: false,
      resolve: ({ execution, step }) =>
        toGlobalId('InstanceStepResult', derivedId(execution.id, String(step.position))),
    }),
    stepName: t.string({ nullable: false, resolve: ({ step }) => step.stepName }),
    displayStepName: t.string({ nullable: false, resolve: ({ step }) => step.stepName }),
    startedAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ step }) => step.startedAt }),
    endedAt: t.field({ type: 'DateTime', resolve: ({ step }) => step.endedAt }),
    hasError: t.boolean({ nullable: false, resolve: ({ step }) => step.status === 'failed' }),
    error: t.string({ resolve: ({ step }) => step.error }),
    contentType: t.string({ resolve: ({ step }) => step.contentType }),
    resultsUrl: t.string({
      nullable: false,
      description:
        'Answers MessagePack of {data, contentType} to whoever has this address, for ten minutes. Empty without a result.',
      resolve: ({ execution, step }, _args, context) =>
        step.hasResult ? resultsUrl(context, { executionId: execution.id, position: step.position }) : '',
    }),
  }),
});
