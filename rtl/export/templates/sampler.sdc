# SPDX-License-Identifier: Apache-2.0
create_clock -name aclk -period $period [get_ports aclk]
set_input_delay 0 -clock aclk [remove_from_collection [all_inputs] [get_ports aclk]]
set_output_delay 0 -clock aclk [all_outputs]
