/** A command of the guide: a line of a bash block, with what it continues over. */
export interface GuideCommand {
  /** Heading that it stands under. */
  heading: string;
  text: string;
}

/** Every command that talks to the server, in the order of the guide. */
export function guideCommands(markdown: string): GuideCommand[] {
  const commands: GuideCommand[] = [];
  let heading = '';
  let block: string[] | null = null;
  for (const line of markdown.split('\n')) {
    if (block === null && /^#+ /.test(line)) heading = line.replace(/^#+ /, '');
    if (line.startsWith('```bash')) block = [];
    else if (line.startsWith('```') && block !== null) {
      commands.push(...shellCommands(block.join('\n')).map((text) => ({ heading, text })));
      block = null;
    } else block?.push(line);
  }
  return commands.filter(({ text }) => /^(?:curl|watch)\b/.test(text));
}

/** Splits a script into commands: at ends of lines that stand in no quotes and continue nothing. */
function shellCommands(script: string): string[] {
  const commands: string[] = [];
  let text = '';
  let quote = '';
  for (const line of script.split('\n')) {
    if (text === '' && line.startsWith('#')) continue;
    text += text === '' ? line : `\n${line}`;
    for (const character of line) {
      if (quote === '' && (character === '"' || character === "'")) quote = character;
      else if (character === quote) quote = '';
    }
    if (quote !== '' || /[\\|]\s*$/.test(line)) continue;
    if (text.trim() !== '') commands.push(text.trim());
    text = '';
  }
  return commands;
}
