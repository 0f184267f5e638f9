/**
 * Which ends of an execution page a person, as an event pattern on the `detail` of `Step Functions Execution Status
 * Change`. Without CDK, so that the tests of the state machines can ask it, too.
 */
export const pagedEnds = {
  $or: [
    { status: ['TIMED_OUT', 'ABORTED'] },
    // An execution that FAILED always has an error; of this one its sender was told on the bus.
    { status: ['FAILED'], error: [{ 'anything-but': ['InvalidStepInput'] }] },
  ],
};
