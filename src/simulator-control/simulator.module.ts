import { Module } from '@nestjs/common';
import { SimulatedFleet } from './simulated-fleet.js';
import { SimulatorController } from './simulator.controller.js';

/** Virtual printers inside the server, if `SIMULATOR=true`. */
@Module({ controllers: [SimulatorController], providers: [SimulatedFleet] })
export class SimulatorModule {}
