import { app as functions } from '@azure/functions';
import { closeApp } from '../app.ts';

functions.hook.appTerminate(() => closeApp());
