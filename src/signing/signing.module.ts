import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SigningKeyController } from './signing-key.controller.js';
import { SigningKey } from './signing-key.entity.js';
import { SigningKeys } from './signing-keys.js';

/** Whose signature firmware needs. */
@Module({
  imports: [TypeOrmModule.forFeature([SigningKey])],
  controllers: [SigningKeyController],
  providers: [SigningKeys],
  exports: [SigningKeys],
})
export class SigningModule {}
