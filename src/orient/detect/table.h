/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file table: see base/table.h. */
#include "base/table.h"
