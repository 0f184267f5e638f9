/** States that run no function of ours, for all state machines. */
import { policies, retrierOf } from './policies.ts';

/** A state as the definition has it. */
export type Plain = { Comment: string; Type: string } & Record<string, unknown>;

export const succeed = (comment: string): Plain => ({ Comment: comment, Type: 'Succeed' });

/** JSONata of the error that led to the state before Unexpected. */
export const theError = '{% $states.input.error %}';

export const unexpected: Plain = {
  Comment: "The execution fails with the error that came first. The runbook's heading is that error's name.",
  Type: 'Fail',
  Error: '{% $states.input.Error %}',
  Cause: '{% $states.input.Cause %}',
};

/** The road of InvalidStepInput. */
export const toRejection = {
  next: 'RejectRequest',
  output: '{% {"event": $states.input, "message": $parse($states.errorOutput.Cause).errorMessage} %}',
};

/** The end of an execution whose event is invalid. */
export const rejection = (): Record<'RejectRequest' | 'InvalidRequest', Plain> => ({
  RejectRequest: {
    Comment: `The event is invalid, and nothing was written. The sender is told on the bus: the field, the
      problem and the remedy.`,
    Type: 'Task',
    Resource: 'arn:${Partition}:states:::events:putEvents',
    Arguments: {
      Entries: [
        {
          EventBusName: '${Bus}',
          Source: 'sealpost',
          DetailType: 'Request Rejected',
          Detail: {
            error: 'InvalidStepInput',
            message: '{% $states.input.message %}',
            request: '{% $exists($states.input.event.detail) ? $states.input.event.detail : {} %}',
            execution: '{% $states.context.Execution.Name %}',
          },
        },
      ],
    },
    Output: '{% $states.input %}',
    Next: 'InvalidRequest',
    Retry: [{ ...retrierOf(policies.busAway), ErrorEquals: ['States.TaskFailed'] }],
  },
  InvalidRequest: {
    Comment: 'A fault of the sender: no person is paged.',
    Type: 'Fail',
    Error: 'InvalidStepInput',
    Cause: '{% $states.input.message %}',
  },
});
