// SPDX-License-Identifier: Apache-2.0
// One job of the AXI system in a plain loop around the model, with no bench: what the model itself costs.
//
// usage: PROGRAM writes reads memory base limit stream
//
// writes  text: offset and value of each register write, in order, in decimal; the last one starts the job
// reads   text: offsets of the registers to read when the interrupt has come
// memory  the bytes from address `base` on; replaced by what they are after the job
// limit   cycles after which a missing interrupt is a hang
// stream  is written: the bytes that left on m_axis
//
// Memory gives and takes a beat a cycle. Prints what it found as one line of JSON.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr uint32_t OKAY = 0, DECERR = 3;

struct Burst {
    uint64_t address;
    uint32_t beats;
};

class Loop {
  public:
    Loop(VerilatedContext& context, std::vector<uint8_t> memory, uint64_t base, uint64_t limit)
        : top(&context, ""), memory(std::move(memory)), base(base), limit(limit) {}

    // Reset, then all ports at rest and ready.
    void reset() {
        top.aresetn = 0;
        for (int k = 0; k < 4; ++k) cycle();
        top.aresetn = 1;
        top.m_axi_arready = top.m_axi_awready = top.m_axi_wready = top.m_axis_tready = 1;
        cycle();
    }

    void write(uint32_t offset, uint32_t value) {
        top.s_axil_awaddr = offset;
        top.s_axil_wdata = value;
        top.s_axil_wstrb = 0xF;
        top.s_axil_awvalid = top.s_axil_wvalid = top.s_axil_bready = 1;
        for (bool answered = false; !answered;) {
            const bool address = top.s_axil_awready, data = top.s_axil_wready;
            answered = top.s_axil_bvalid;
            if (answered && top.s_axil_bresp != OKAY) throw std::runtime_error("a register refuses a write");
            cycle();
            if (address) top.s_axil_awvalid = 0;
            if (data) top.s_axil_wvalid = 0;
        }
        top.s_axil_bready = 0;
    }

    uint32_t read(uint32_t offset) {
        top.s_axil_araddr = offset;
        top.s_axil_arvalid = top.s_axil_rready = 1;
        uint32_t value = 0;
        for (bool answered = false; !answered;) {
            const bool address = top.s_axil_arready;
            answered = top.s_axil_rvalid;
            if (answered && top.s_axil_rresp != OKAY) throw std::runtime_error("a register refuses a read");
            value = top.s_axil_rdata;
            cycle();
            if (address) top.s_axil_arvalid = 0;
        }
        top.s_axil_rready = 0;
        return value;
    }

    void interrupt() {
        while (!top.irq) cycle();
    }

    uint64_t cycles = 0;
    Vtop top;
    std::vector<uint8_t> memory, stream;

  private:
    // A cycle with the memory and the receiver of the stream; the ports of the registers are the caller's.
    void cycle() {
        const bool read_taken = top.m_axi_rvalid && top.m_axi_rready;
        const bool answer_taken = top.m_axi_bvalid && top.m_axi_bready;
        if (top.m_axi_arvalid) reads.push_back({top.m_axi_araddr, top.m_axi_arlen + 1U});
        if (top.m_axi_awvalid) writes.push_back({top.m_axi_awaddr, top.m_axi_awlen + 1U});
        if (top.m_axi_wvalid) {
            const auto* data = reinterpret_cast<const uint8_t*>(&top.m_axi_wdata);
            data_in.insert(data_in.end(), data, data + BEAT);
            strobes.push_back(top.m_axi_wstrb);
        }
        if (top.m_axis_tvalid) {
            const auto* data = reinterpret_cast<const uint8_t*>(&top.m_axis_tdata);
            for (size_t k = 0; k < BEAT; ++k)
                if (top.m_axis_tkeep >> k & 1) stream.push_back(data[k]);
        }
        top.aclk = 1;
        top.eval();
        top.aclk = 0;
        if (++cycles > limit) throw std::runtime_error("no answer within the limit of cycles");
        if (read_taken || !top.m_axi_rvalid) give();
        if (answer_taken) top.m_axi_bvalid = 0;
        if (!top.m_axi_bvalid && !writes.empty()) take();
        top.eval();
    }

    // The next beat of the oldest read, if there is one.
    void give() {
        top.m_axi_rvalid = !reads.empty();
        if (reads.empty()) return;
        Burst& burst = reads.front();
        const uint64_t at = burst.address - base;
        const bool there = at + BEAT <= memory.size();
        top.m_axi_rresp = there ? OKAY : DECERR;
        if (there) std::memcpy(&top.m_axi_rdata, &memory[at], BEAT);
        burst.address += BEAT;
        top.m_axi_rlast = --burst.beats == 0;
        if (!burst.beats) reads.pop_front();
    }

    // Store the oldest write and answer it, if all its data are there.
    void take() {
        const Burst burst = writes.front();
        if (strobes.size() < burst.beats) return;
        writes.pop_front();
        top.m_axi_bvalid = 1;
        top.m_axi_bresp = OKAY;
        for (uint32_t beat = 0; beat < burst.beats; ++beat) {
            const uint64_t at = burst.address - base + beat * BEAT;
            if (at + BEAT > memory.size()) {
                top.m_axi_bresp = DECERR;
                continue;
            }
            for (size_t k = 0; k < BEAT; ++k)
                if (strobes[beat] >> k & 1) memory[at + k] = data_in[beat * BEAT + k];
        }
        data_in.erase(data_in.begin(), data_in.begin() + burst.beats * BEAT);
        strobes.erase(strobes.begin(), strobes.begin() + burst.beats);
    }

    static constexpr size_t BEAT = sizeof(Vtop::m_axi_rdata);
    uint64_t base, limit;
    std::deque<Burst> reads, writes;
    std::deque<uint8_t> data_in;
    std::deque<uint64_t> strobes;
};

std::vector<uint64_t> numbers(const char* path) {
    std::ifstream file(path);
    return {std::istream_iterator<uint64_t>(file), {}};
}

void save(const char* path, const std::vector<uint8_t>& bytes) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

double seconds_of_processor() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

double sc_time_stamp() { return 0; }

int main(int argc, char** argv) try {
    if (argc != 7) throw std::runtime_error("usage: PROGRAM writes reads memory base limit stream");
    const auto writes = numbers(argv[1]), reads = numbers(argv[2]);
    std::ifstream file(argv[3], std::ios::binary);
    std::vector<uint8_t> memory{std::istreambuf_iterator<char>(file), {}};

    VerilatedContext context;
    Loop loop(context, std::move(memory), std::stoull(argv[4]), std::stoull(argv[5]));
    loop.reset();
    const auto started = std::chrono::steady_clock::now();
    const double used = seconds_of_processor();
    for (size_t k = 0; k + 1 < writes.size(); k += 2) loop.write(writes[k], writes[k + 1]);
    loop.interrupt();
    const double processor = seconds_of_processor() - used;
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started;
    const uint64_t cycles = loop.cycles;
    std::printf("{\"cycles\": %llu, \"seconds\": %.6f, \"processor_seconds\": %.6f, \"registers\": [",
                static_cast<unsigned long long>(cycles), wall.count(), processor);
    for (size_t k = 0; k < reads.size(); ++k) std::printf("%s%u", k ? ", " : "", loop.read(reads[k]));
    std::printf("]}\n");
    loop.top.final();
    save(argv[3], loop.memory);
    save(argv[6], loop.stream);
    return context.errorCount() ? 1 : 0;
} catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
}
