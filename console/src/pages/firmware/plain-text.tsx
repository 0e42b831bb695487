/** Text that somebody typed, with its line breaks and with `- ` lists; never as HTML. */
export function PlainText({ text }: { text: string }) {
  return (
    <div class="plain-text">
      {blocksOf(text).map((block, index) =>
        block.isList ? (
          <ul key={index}>
            {block.lines.map((line, item) => (
              <li key={item}>{line}</li>
            ))}
          </ul>
        ) : (
          <p key={index}>{block.lines.join('\n')}</p>
        ),
      )}
    </div>
  );
}

interface Block {
  isList: boolean;
  lines: string[];
}

const ITEM = /^\s*[-*•]\s+/;

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let isOpen = false;
  // A shell leaves `\n` between quotation marks as it stands, and so it comes with many an upload by curl.
  for (const line of text.replaceAll('\\n', '\n').split(/\r?\n/)) {
    const isList = ITEM.test(line);
    const last = blocks.at(-1);
    if (line.trim() === '') isOpen = false;
    else {
      const shown = isList ? line.replace(ITEM, '') : line;
      if (isOpen && last?.isList === isList) last.lines.push(shown);
      else blocks.push({ isList, lines: [shown] });
      isOpen = true;
    }
  }
  return blocks;
}
