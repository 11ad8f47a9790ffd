import { count } from '..'

export const replay = {
  title: 'Replay',
  live: 'To the live session',
  play: 'Play',
  pause: 'Pause',
  speed: 'Speed',
  position: 'Position',
  at: (version: number, of: number) => `Event ${version} of ${of}`,
  previous: 'Previous event',
  next: 'Next event',
  previousTurn: 'Previous turn',
  nextTurn: 'Next turn',
  nextTool: 'Next tool',
  nextError: 'Next error',
  link: 'Copy a link to this moment',
  linked: 'The link is copied.',
  costSoFar: 'Cost so far',
  idle: (time: string) => `${time} of silence left out`,
  legend: { text: 'Text', tool: 'Tools', request: 'Requests', error: 'Errors', turn: 'Turns' },
  outline: 'What happened when',
  verify: {
    checking: 'Checking the log…',
    valid: 'Verified',
    broken: 'Broken',
    text: (events: number) =>
      `The hashes of ${count(events, 'event', 'events')} were computed anew, each with the one before it. Nothing was changed, added or left out.`,
    brokenText: (version: number) =>
      `The hash chain breaks at event ${version}. What follows cannot be trusted.`,
    head: 'Last hash',
    again: 'Check again',
  },
} as const
