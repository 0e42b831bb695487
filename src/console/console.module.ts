import { Module } from '@nestjs/common';
import { BUILT_CONSOLE, CONSOLE_FOLDER, ConsoleFiles } from './console-files.js';

/** The web console, as far as the server knows of it: files that it hands out. */
@Module({ providers: [ConsoleFiles, { provide: CONSOLE_FOLDER, useValue: BUILT_CONSOLE }] })
export class ConsoleModule {}
