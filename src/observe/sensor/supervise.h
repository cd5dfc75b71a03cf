/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * supervise: the sensor's first process: begins the four others, notices when one ends or freezes,
 * begins it anew and keeps the accounts of what was lost meanwhile. It reads no packet, no batch,
 * and nothing from the network.
 *
 * Restarts  parser: at once, with new pipes; what it held is counted as lost. shipper: alone.
 *           capture: with a parser. spooler: with parser and shipper. Each waits longer the more
 *           often it fails.
 * Ends      SIGTERM, SIGINT: capture stops, what is under way is spooled and synced. --read: when
 *           all is acknowledged.
 */
#include "observe/sensor/settings.h"

/** @return exit status: 0 done; 1 failed */
int nr_supervise(const struct nr_settings *settings);
