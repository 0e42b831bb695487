/** Who created something, in words: the name of a key, or a description if there was no key. */
export function creatorText(createdBy: string): string {
  return WITHOUT_KEY.get(createdBy) ?? createdBy;
}

const WITHOUT_KEY: ReadonlyMap<string, string> = new Map([
  ['local', 'a local user of the server'],
  ['anybody', 'someone without a key'],
  ['command_line', 'the command line'],
  ['system', 'the server'],
]);
