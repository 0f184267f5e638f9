/**
 * The ends of an execution that page a person: an event pattern on the `detail` of `Step Functions
 * Execution Status Change`. This file does not import CDK, so that the tests of the state machines
 * can load the pattern quickly.
 */
export const pagedEnds = {
  $or: [
    { status: ['TIMED_OUT', 'ABORTED'] },
    // An execution that FAILED always has an error. For InvalidStepInput, the sender of the event
    // was notified by Request Rejected.
    { status: ['FAILED'], error: [{ 'anything-but': ['InvalidStepInput'] }] },
    // A cause that is JSON comes from Lambda, not from RejectRequest: the step that failed does not
    // read a sender's event, so that the fault is ours.
    { status: ['FAILED'], cause: [{ prefix: '{' }] },
  ],
};
