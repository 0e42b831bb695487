import { Module } from '@nestjs/common';
import { BUILT_CONSOLE, CONSOLE_FOLDER, ConsoleFiles } from './console-files.js';

/** The server's part of the web console: serves its files. */
@Module({ providers: [ConsoleFiles, { provide: CONSOLE_FOLDER, useValue: BUILT_CONSOLE }] })
export class ConsoleModule {}
